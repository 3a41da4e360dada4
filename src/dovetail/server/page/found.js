// What a document holds once thresholds are applied: plain values, nothing of the page.

/** Half-open character positions of an entity's pieces. */
export const piecesOf = entity => entity.fragments ?? [[entity.start, entity.end]];

/** An entity as one reads it: its words on one line. */
export const wordsOf = entity => entity.text.replace(/\s+/gu, " ");

/** Whether a confidence reaches a threshold; where there is no confidence, it was not predicted. */
const reaches = (found, thresholds) =>
  found.confidence === null || found.confidence >= (thresholds[found.type] ?? 0);

/** Offsets are code points in Python and code units here: from the ones to the others. */
function unitsOf(text) {
  if (!/[\ud800-\udbff]/u.test(text) && [...text].length === text.length) return at => at;
  const units = [0];
  for (const character of text) units.push(units.at(-1) + character.length);
  return at => units[at];
}

/** A document of the server, with positions as this language counts them. */
export function read(document) {
  const unit = unitsOf(document.text);
  const moved = ([start, end]) => [unit(start), unit(end)];
  const entities = document.entities.map((entity, place) => ({
    ...entity, place, shownPieces: piecesOf(entity).map(moved),
  }));
  const sentences = document.sentences.map(({ offsets }) =>
    [unit(offsets[0][0]), unit(offsets.at(-1)[1])]);
  const sentenceOf = entity => sentences.findIndex(([start, end]) =>
    start <= entity.shownPieces[0][0] && entity.shownPieces[0][0] < end);
  for (const entity of entities) entity.sentence = sentenceOf(entity);
  const scored = [
    ...document.relations.map(own => ({ ...own, taken: true })),
    ...(document.candidates ?? []).map(own => ({ ...own, taken: false })),
  ];
  return { ...document, entities, sentences, scored };
}

/** The entities and relations that reach their thresholds, and the relations that do not. */
export function apply(document, thresholds) {
  const shown = new Set(
    document.entities.filter(own => reaches(own, thresholds.entities)).map(own => own.place));
  const both = document.scored.filter(own => shown.has(own.head) && shown.has(own.tail));
  // Where a threshold was not moved, the server decided with all the places of a number.
  const isTaken = own => thresholds.moved.has(own.type)
    ? reaches(own, thresholds.relations) : own.taken;
  const byPlace = (one, other) => one.head - other.head || one.tail - other.tail;
  return {
    entities: document.entities.filter(own => shown.has(own.place)),
    relations: both.filter(isTaken).sort(byPlace),
    rejected: both.filter(own => !isTaken(own)).sort((a, b) => b.confidence - a.confidence),
  };
}

/** Why there is no relation of a type between two entities, in words; or its score. */
export function weighed(document, schema, head, tail) {
  if (head.sentence !== tail.sentence) return { apart: true, rows: [] };
  const rows = schema.relation_types.map(type => {
    const admitted = schema.arguments[type];
    const fits = (one, other) => !admitted ||
      admitted.some(([from, to]) => from === one.type && to === other.type);
    const either = schema.symmetric.includes(type);
    const own = document.scored.find(found => found.type === type && (
      (found.head === head.place && found.tail === tail.place) ||
      (either && found.head === tail.place && found.tail === head.place)));
    return { type, admitted: fits(head, tail) || (either && fits(tail, head)),
             confidence: own?.confidence ?? null, own };
  });
  return { apart: false, rows };
}
