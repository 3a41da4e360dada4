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

/** Draw arcs above the lines of a sentence, wide ones above narrow ones; from line to line they go
 * on at the margin. */
export function drawArcs(box, relations) {
  box.querySelector("svg")?.remove();
  const sentence = box.querySelector(".sentence");
  sentence.style.removeProperty("padding-top");
  sentence.style.removeProperty("line-height");
  const frame = sentence.getBoundingClientRect();
  const lineHeight = Number.parseFloat(getComputedStyle(sentence).lineHeight);
  // An entity that goes on in the next line begins in this one.
  const place = number => {
    const found = sentence.querySelector(`[data-place="${number}"]`)?.getClientRects()[0];
    if (!found) return null;
    const { left, top, width, height } = found;
    return { at: left + width / 2 - frame.left, height,
      line: Math.floor((top + height / 2 - frame.top) / lineHeight) };
  };
  const arcs = relations.map(({ type, head, tail }) => ({ type, head: place(head), tail: place(tail) }))
    .filter(arc => arc.head && arc.tail);
  if (!arcs.length) return;
  const parts = arcs.flatMap(arc => partsOf(arc, frame.width));
  for (const line of new Set(parts.map(part => part.line))) setLevels(parts.filter(part => part.line === line));
  const room = LEVEL * Math.max(...parts.map(part => part.level)) + 14;
  sentence.style.setProperty("line-height", `${lineHeight + room}px`);
  sentence.style.setProperty("padding-top", `${room / 2}px`);
  const marked = Math.max(...arcs.flatMap(arc => [arc.head.height, arc.tail.height]));
  const top = line => room / 2 + (lineHeight + room) * (line + 0.5) - marked / 2 - 1;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "arcs");
  svg.setAttribute("aria-hidden", "true"); // the list says the same
  svg.setAttribute("width", frame.width);
  svg.setAttribute("height", top(Math.max(...parts.map(part => part.line))));
  svg.append(...parts.flatMap(part => drawn(part, top(part.line))));
  box.prepend(svg);
  for (const label of svg.querySelectorAll("text")) {
    const half = label.getComputedTextLength() / 2;
    const middle = Number(label.getAttribute("x"));
    label.setAttribute("x", Math.max(half, Math.min(middle, frame.width - half)));
  }
}

/** The parts of an arc, one for each line; `isHead` and `isTail` say which entities they end at, and
 * the longest has the type. */
function partsOf({ type, head, tail }, width) {
  const down = head.line < tail.line;
  const number = Math.abs(head.line - tail.line) + 1;
  const parts = Array.from({ length: number }, (_, index) => {
    const isHead = index === 0, isTail = index === number - 1;
    const from = isHead ? head.at : down ? 0 : width;
    const to = isTail ? tail.at : down ? width : 0;
    return { isHead, isTail, from, to, line: down ? head.line + index : head.line - index };
  });
  parts.reduce((one, other) => lengthOf(other) > lengthOf(one) ? other : one).type = type;
  return parts;
}

const lengthOf = part => Math.abs(part.to - part.from);

/** Say of each arc of a line how many lie below it, so that no two meet. */
function setLevels(parts) {
  const order = [...parts].sort((one, other) => lengthOf(one) - lengthOf(other));
  const ends = ({ from, to }) => [Math.min(from, to), Math.max(from, to)];
  for (const [index, part] of order.entries()) {
    const [start, end] = ends(part);
    const below = order.slice(0, index)
      .filter(other => ends(other)[0] < end && start < ends(other)[1])
      .map(other => other.level);
    part.level = 1 + Math.max(0, ...below);
  }
}

function drawn({ type, isHead, isTail, from, to, level }, bottom) {
  const top = bottom - LEVEL * level;
  const side = from < to ? 1 : -1;
  const [start, end] = [from + 4 * side, to - 4 * side];
  const path = document.createElementNS(SVG, "path");
  const rise = isHead ? `M${start} ${bottom} C${start} ${top} ${start} ${top} ${start + 12 * side} ${top}` : `M${from} ${top}`;
  const fall = isTail ? `H${end - 12 * side} C${end} ${top} ${end} ${top} ${end} ${bottom - 6}` : `H${to}`;
  path.setAttribute("d", `${rise} ${fall}`);
  path.setAttribute("class", "arc");
  const made = [path];
  if (isTail) {
    const head = document.createElementNS(SVG, "path");
    head.setAttribute("d", `M${end - 4} ${bottom - 8} L${end} ${bottom} L${end + 4} ${bottom - 8} Z`);
    head.setAttribute("class", "arrowhead");
    made.push(head);
  }
  if (type) {
    const label = document.createElementNS(SVG, "text");
    label.setAttribute("x", (start + end) / 2);
    label.setAttribute("y", top + 4);
    label.textContent = shownText(type);
    made.push(label);
  }
  return made;
}
