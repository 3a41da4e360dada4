// Files of what is shown: JSON, CSV and GraphML, made here and sent nowhere.

import { wordsOf } from "./found.js";

/** The document as the server writes it, with what is shown alone. */
export function json(document, shown) {
  const place = new Map(shown.entities.map((own, index) => [own.place, index]));
  const values = {
    id: document.id,
    text: document.text,
    entities: shown.entities.map(({ place: _, shownPieces, sentence, ...own }) => own),
    relations: shown.relations.map(({ head, tail, type, confidence }) =>
      ({ head: place.get(head), tail: place.get(tail), type, confidence })),
    sentences: document.sentencesAsSent,
  };
  return JSON.stringify(values, null, 1) + "\n";
}

// A cell that begins so is a formula to a spreadsheet.
const FORMULA = /^[=+\-@\t\r]/u;

const cell = value => {
  const text = String(value ?? "");
  const safe = FORMULA.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** A row for each relation, and one for each entity without any. */
export function csv(document, shown) {
  const entity = place => document.entities[place];
  const columns = own => own ? [wordsOf(own), own.type, own.start, own.end] : ["", "", "", ""];
  const linked = new Set(shown.relations.flatMap(own => [own.head, own.tail]));
  const rows = [
    ["head", "head_type", "head_start", "head_end", "relation", "confidence",
     "tail", "tail_type", "tail_start", "tail_end"],
    ...shown.relations.map(own => [
      ...columns(entity(own.head)), own.type, own.confidence, ...columns(entity(own.tail))]),
    ...shown.entities.filter(own => !linked.has(own.place)).map(own =>
      [...columns(own), "", own.confidence, ...columns(null)]),
  ];
  return rows.map(row => row.map(cell).join(",") + "\r\n").join("");
}

// What XML cannot hold becomes the sign of something unknown.
const escaped = text => String(text)
  .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
  .replace(/[&<>"]/gu, sign => `&#${sign.codePointAt(0)};`);

/** Mentions as nodes and relations as edges. */
export function graphml(document, shown) {
  const key = (id, on, type) =>
    `<key id="${id}" for="${on}" attr.name="${id}" attr.type="${type}"/>`;
  const data = (name, value) => `<data key="${name}">${escaped(value)}</data>`;
  const nodes = shown.entities.map(own =>
    `<node id="e${own.place}">${data("label", wordsOf(own))}${data("kind", own.type)}` +
    `${data("start", own.start)}${data("end", own.end)}</node>`);
  const edges = shown.relations.map((own, index) =>
    `<edge id="r${index}" source="e${own.head}" target="e${own.tail}">` +
    `${data("relation", own.type)}${data("confidence", own.confidence)}</edge>`);
  return ['<?xml version="1.0" encoding="UTF-8"?>',
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
    key("label", "node", "string"), key("kind", "node", "string"),
    key("start", "node", "int"), key("end", "node", "int"),
    key("relation", "edge", "string"), key("confidence", "edge", "double"),
    '<graph edgedefault="directed">', ...nodes, ...edges, "</graph>", "</graphml>", ""].join("\n");
}

/** Let the browser save a text as a file. */
export function save(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
