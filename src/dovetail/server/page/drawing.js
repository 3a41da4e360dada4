// A sentence with its entities marked, arcs above them, and its relations in words below.

import { wordsOf } from "./found.js";

const SVG = "http://www.w3.org/2000/svg";
const LEVEL = 24; // pixels between arcs that lie above one another
const SHOWN = /[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/gu;

/** A new element with a class and content. */
export function element(name, className = "", ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/** A text with what a page would obey, and not show, made visible. */
export const shownText = text => text.replace(SHOWN, sign => {
  const code = sign.codePointAt(0);
  return code < 0x20 ? String.fromCodePoint(0x2400 + code)
    : `\\u${code.toString(16).padStart(4, "0")}`;
});

/** A class for the colour of an entity type, by its place among all types. */
export const colourOf = (type, types) => `colour-${Math.max(0, types.indexOf(type)) % 12}`;

export const percent = confidence =>
  confidence === null ? "" : confidence.toFixed(2);

function mark(entity, types) {
  const made = element("span", `entity ${colourOf(entity.type, types)}`);
  made.dataset.place = entity.place;
  made.title = `${entity.type} ${percent(entity.confidence)}`;
  return made;
}

const tag = entity => element("span", "tag", shownText(entity.type));

/** The text of a sentence, in which marks that lie within others are nested. */
export function markedText(text, [from, to], entities, types) {
  const root = element("p", "sentence");
  const open = [{ node: root, end: to, entity: null }];
  const pieces = entities
    .flatMap(entity => entity.shownPieces.map(([start, end]) => ({ start, end, entity })))
    .sort((one, other) => one.start - other.start || other.end - one.end);
  let at = from;
  const close = until => {
    while (open.length > 1 && open.at(-1).end <= until) {
      const { node, end, entity } = open.pop();
      node.append(shownText(text.slice(at, end)), tag(entity));
      at = end;
    }
    open.at(-1).node.append(shownText(text.slice(at, until)));
    at = until;
  };
  const beside = [];
  for (const { start, end, entity } of pieces) {
    close(start);
    if (end > open.at(-1).end) { beside.push(entity); continue; } // it crosses another one
    const node = mark(entity, types);
    open.at(-1).node.append(node);
    open.push({ node, end, entity });
  }
  close(to);
  for (const entity of beside) {
    const node = mark(entity, types);
    node.append(shownText(wordsOf(entity)), tag(entity));
    root.append(" ", node);
  }
  return root;
}

/** A relation in words. */
export function link(relation, entities, types) {
  const word = place => element(
    "span", `word ${colourOf(entities[place].type, types)}`, shownText(wordsOf(entities[place])));
  const arrow = element("span", "arrow",
    "── ", element("span", "type", shownText(relation.type)), ` ${percent(relation.confidence)} ─▶`);
  return element("li", "", word(relation.head), " ", arrow, " ", word(relation.tail));
}

/** Draw arcs above a sentence, where its entities stand on one line; wide ones above narrow ones. */
export function drawArcs(box, relations) {
  box.querySelector("svg")?.remove();
  const sentence = box.querySelector(".sentence");
  sentence.style.removeProperty("padding-top");
  // An entity that goes on in the next line begins in this one.
  const place = number => sentence.querySelector(`[data-place="${number}"]`)?.getClientRects()[0];
  const frame = sentence.getBoundingClientRect();
  const arcs = relations.flatMap(relation => {
    const [head, tail] = [place(relation.head), place(relation.tail)];
    if (!head || !tail) return [];
    const line = Math.abs(head.top - tail.top) < head.height / 2;
    const middle = own => own.left + own.width / 2 - frame.left;
    return [{ relation, line, from: middle(head), to: middle(tail), top: head.top - frame.top }];
  });
  // Arcs are drawn where all of a sentence is on one line; elsewhere the list below says it all.
  if (!arcs.length || arcs.some(arc => !arc.line || arc.top !== arcs[0].top)) return;
  const levels = levelsOf(arcs);
  const height = LEVEL * Math.max(...levels) + 22;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "arcs");
  svg.setAttribute("aria-hidden", "true"); // the list says the same
  svg.setAttribute("width", frame.width);
  svg.setAttribute("height", height + arcs[0].top);
  arcs.forEach((arc, index) => svg.append(...drawn(arc, levels[index], height + arcs[0].top)));
  sentence.style.setProperty("padding-top", `${height}px`);
  box.prepend(svg);
}

/** For each arc how many lie below it, so that no two meet. */
function levelsOf(arcs) {
  const levels = arcs.map(() => 0);
  const order = arcs.map((_, index) => index)
    .sort((a, b) => Math.abs(arcs[a].to - arcs[a].from) - Math.abs(arcs[b].to - arcs[b].from));
  const ends = ({ from, to }) => [Math.min(from, to), Math.max(from, to)];
  for (const index of order) {
    const [start, end] = ends(arcs[index]);
    const below = order.filter(other => levels[other] > 0)
      .filter(other => ends(arcs[other])[0] < end && start < ends(arcs[other])[1])
      .map(other => levels[other]);
    levels[index] = 1 + Math.max(0, ...below);
  }
  return levels;
}

function drawn({ relation, from, to }, level, bottom) {
  const top = bottom - LEVEL * level;
  const side = from < to ? 1 : -1;
  const [start, end] = [from + 4 * side, to - 4 * side];
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", `M${start} ${bottom} C${start} ${top} ${start} ${top} ${start + 12 * side} ${top}` +
    ` H${end - 12 * side} C${end} ${top} ${end} ${top} ${end} ${bottom - 6}`);
  path.setAttribute("class", "arc");
  const head = document.createElementNS(SVG, "path");
  head.setAttribute("d", `M${end - 4} ${bottom - 8} L${end} ${bottom} L${end + 4} ${bottom - 8} Z`);
  head.setAttribute("class", "arrowhead");
  const label = document.createElementNS(SVG, "text");
  label.setAttribute("x", (start + end) / 2);
  label.setAttribute("y", top + 4);
  label.textContent = relation.type;
  return [path, head, label];
}
