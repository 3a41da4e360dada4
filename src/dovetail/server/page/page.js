// The page: asks the server for a text, shows what it found, and lets thresholds act at once.

import { csv, graphml, json, save } from "./downloads.js";
import { colourOf, drawArcs, element, link, markedText, percent, shownText } from "./drawing.js";
import { apply, read, weighed, wordsOf } from "./found.js";
import { LOWEST, extract, models } from "./server.js";

const EXAMPLE = "Ada Lovelace, an English mathematician, lived in London, where she worked with " +
  "Charles Babbage of the Royal Astronomical Society. The Boeing Company, based in Seattle, said " +
  "Thursday that its spokesman Craig Martin will retire in June.";
const MOST_ROWS = 12; // of relations that were not taken
const LARGEST_FILE = 4_000_000;

const part = id => document.getElementById(id);
const state = { models: [], found: null, schema: null, thresholds: null };

const model = () => state.models.find(own => own.name === part("model").value) ?? state.models[0];
const schema = () =>
  model()?.schemas.find(own => own.name === part("schema").value) ?? model()?.schemas[0];

function say(id, text) {
  part(id).textContent = text;
}

function fill(select, names, hide) {
  select.replaceChildren(...names.map(name => new Option(shownText(name), name)));
  part(`${select.id}-label`).hidden = hide;
}

async function start() {
  try {
    const listed = await models(part("key").value);
    state.models = listed.models;
    say("version", listed.dovetail);
    say("problem", "");
    fill(part("model"), state.models.map(own => own.name), state.models.length < 2);
    chooseModel();
  } catch (error) {
    refused(error);
  }
}

function chooseModel() {
  const names = model().schemas.map(own => own.name);
  fill(part("schema"), names, names.length < 2);
}

function refused(error) {
  if (error.status === 401) part("key-label").hidden = false;
  say("status", "");
  say("problem", error.status === 401 && !part("key").value
    ? "This server asks for a key: enter it above." : error.message);
}

async function ask(event) {
  event?.preventDefault();
  const text = part("text").value;
  if (!text.trim()) return say("problem", "Enter a text first.");
  say("problem", "");
  say("status", "Extracting …");
  part("extract").disabled = true;
  try {
    if (!state.models.length) await start();
    if (!state.models.length) return; // it has said why
    const chosen = schema();
    const answered = await extract(
      { texts: text, model: model().name, schema: chosen.name || null }, part("key").value);
    const [found] = answered.documents;
    state.schema = chosen;
    state.found = { ...read(found), sentencesAsSent: found.sentences };
    say("status", "");
    part("results").hidden = false; // arcs are drawn where words stand
    reset();
    part("found-heading").focus();
  } catch (error) {
    refused(error);
  } finally {
    part("extract").disabled = false;
  }
}

function reset() {
  state.thresholds = {
    entities: {}, relations: { ...state.schema.thresholds }, moved: new Set(),
  };
  sliders("entity-sliders", state.schema.entity_types, "entities");
  sliders("relation-sliders", state.schema.relation_types, "relations");
  choices();
  show();
}

function sliders(id, types, kind) {
  part(id).replaceChildren(...types.map((type, index) => {
    const row = element("div", "slider");
    const colour = kind === "entities" ? `name ${colourOf(type, types)}` : "name plain";
    const label = element("label", "", element("span", colour, shownText(type)));
    const range = element("input");
    const output = element("output");
    Object.assign(range, { type: "range", min: 0, max: 1, step: 0.01, id: `${kind}-${index}` });
    label.htmlFor = output.htmlFor = range.id;
    range.value = state.thresholds[kind][type] ?? 0;
    output.value = percent(state.thresholds[kind][type] ?? 0);
    range.addEventListener("input", () => {
      state.thresholds[kind][type] = range.valueAsNumber;
      if (kind === "relations") state.thresholds.moved.add(type);
      output.value = percent(range.valueAsNumber);
      show();
    });
    row.append(label, range, output);
    return row;
  }));
}

const many = (count, one, more) => `${count} ${count === 1 ? one : more}`;

function show() {
  const shown = state.shown = apply(state.found, state.thresholds);
  say("summary", `${many(shown.entities.length, "entity", "entities")} and ` +
    `${many(shown.relations.length, "relation", "relations")} in ` +
    `${many(state.found.sentences.length, "sentence", "sentences")}.`);
  part("sentences").replaceChildren(...state.found.sentences.map((borders, index) => {
    const inside = shown.entities.filter(own => own.sentence === index);
    const places = new Set(inside.map(own => own.place));
    const relations = shown.relations.filter(own => places.has(own.head));
    const box = element("article", "unit",
      markedText(state.found.text, borders, inside, state.schema.entity_types));
    box.setAttribute("aria-label", `Sentence ${index + 1}`);
    if (relations.length) {
      box.append(element("ul", "links", ...relations.map(own =>
        link(own, state.found.entities, state.schema.entity_types))));
    }
    box.relations = relations;
    return box;
  }));
  arcs();
  why();
}

function arcs() {
  for (const box of part("sentences").children) drawArcs(box, box.relations);
}

function choices() {
  const names = state.found.entities.map(own =>
    new Option(`${shownText(wordsOf(own))} (${shownText(own.type)}, sentence ${own.sentence + 1})`, own.place));
  for (const id of ["why-head", "why-tail"]) {
    part(id).replaceChildren(new Option("any entity", ""), ...names.map(own => own.cloneNode(true)));
  }
}

function why() {
  const entity = id => part(id).value === "" ? null : state.found.entities[part(id).value];
  const [head, tail] = [entity("why-head"), entity("why-tail")];
  if (head && tail) return between(head, tail);
  const rejected = state.shown.rejected.filter(own =>
    (!head || own.head === head.place) && (!tail || own.tail === tail.place));
  const best = rejected.slice(0, MOST_ROWS);
  say("why-answer", best.length
    ? `The best ${best.length} of ${many(rejected.length, "relation", "relations")} that ` +
      `${rejected.length === 1 ? "was" : "were"} weighed and not taken.`
    : `Nothing that was not taken has a probability of ${LOWEST} or more.`);
  table(best.map(own => ({ head: own.head, tail: own.tail, type: own.type,
                           confidence: own.confidence, verdict: "below the threshold" })));
}

function between(head, tail) {
  const names = `${wordsOf(head)} and ${wordsOf(tail)}`;
  const found = weighed(state.found, state.schema, head, tail);
  if (head === tail) {
    say("why-answer", "Nothing is linked with itself.");
    return table([]);
  }
  if (found.apart) {
    say("why-answer", `${names} stand in different sentences; this model reads one ` +
      `${model().unit} at a time, and links nothing across.`);
    return table([]);
  }
  const taken = new Set(state.shown.relations);
  say("why-answer", `Between ${names} the model weighed this:`);
  table(found.rows.map(({ type, admitted, confidence, own }) => ({
    head: head.place, tail: tail.place, type, confidence,
    verdict: !admitted ? `links no ${head.type} with a ${tail.type} in what it learned`
      : confidence === null ? `below ${LOWEST}`
      : taken.has(own) ? "taken" : "below the threshold",
  })));
}

function table(rows) {
  if (!rows.length) return part("why-table").replaceChildren();
  const types = state.schema.entity_types;
  const word = place => {
    const own = state.found.entities[place];
    return element("span", `word ${colourOf(own.type, types)}`, shownText(wordsOf(own)));
  };
  const heading = (text, kind = "") => {
    const made = element("th", kind, text);
    made.scope = "col";
    return made;
  };
  const head = element("thead", "", element("tr", "", heading("From"), heading("Relation"),
    heading("To"), heading("Score", "number"), heading("Against its threshold"), heading("Verdict")));
  const body = element("tbody", "", ...rows.map(row => element("tr", "",
    element("td", "", word(row.head)), element("td", "type", shownText(row.type)),
    element("td", "", word(row.tail)),
    element("td", "number", row.confidence === null ? "–" : row.confidence.toFixed(3)),
    element("td", "", bar(row.confidence ?? 0, state.thresholds.relations[row.type] ?? 0)),
    element("td", "", row.verdict))));
  part("why-table").replaceChildren(element("table", "", head, body));
}

function bar(confidence, threshold) {
  const made = element("span", "bar");
  const [filled, line] = [element("span"), element("i")];
  filled.style.setProperty("width", `${100 * confidence}%`);
  line.style.setProperty("left", `calc(${100 * Math.min(threshold, 1)}% - 1px)`);
  made.append(filled, line);
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", `${confidence.toFixed(3)} against ${threshold.toFixed(2)}`);
  return made;
}

async function take(file) {
  if (file.size > LARGEST_FILE) return say("problem", "The file is larger than the server takes.");
  part("text").value = await file.text();
  return ask();
}

function listen() {
  const text = part("text");
  part("ask").addEventListener("submit", ask);
  part("reset").addEventListener("click", reset);
  part("example").addEventListener("click", () => { text.value = EXAMPLE; ask(); });
  part("model").addEventListener("change", chooseModel);
  part("key").addEventListener("change", start);
  for (const id of ["why-head", "why-tail"]) part(id).addEventListener("change", why);
  text.addEventListener("keydown", event => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(event);
  });
  text.addEventListener("dragover", event => { event.preventDefault(); text.classList.add("over"); });
  text.addEventListener("dragleave", () => text.classList.remove("over"));
  text.addEventListener("drop", event => {
    text.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) { event.preventDefault(); take(file); }
  });
  const files = {
    "download-json": ["found.json", json, "application/json"],
    "download-csv": ["found.csv", csv, "text/csv"],
    "download-graph": ["found.graphml", graphml, "application/xml"],
  };
  for (const [id, [name, made, type]] of Object.entries(files)) {
    part(id).addEventListener("click", () => save(name, made(state.found, state.shown), type));
  }
  let drawing = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(() => state.found && arcs());
  });
}

listen();
start();
