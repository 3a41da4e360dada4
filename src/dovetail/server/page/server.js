// The server's answers, and its errors as sentences.

export const LOWEST = 0.001; // of the candidates that are asked for

/** An error that the server, or the way to it, has for the reader. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function answer(path, options, key) {
  const headers = { ...options.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers, credentials: "omit", cache: "no-store" });
  } catch {
    throw new Refused("The server cannot be reached.", 0);
  }
  const values = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(values.detail ?? `The server answered ${response.status}.`, response.status);
  return values;
}

export const models = key => answer("/v1/models", {}, key);

export const extract = (request, key) => answer("/v1/extract", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ candidates: LOWEST, ...request }),
}, key);
