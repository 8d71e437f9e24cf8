// Telling of errors, which can't fail: what a function throws may have no text, or throw itself.

/** Return `String(value)`; if there is none, a text that says so. */
export function textOf(value) {
  try {
    return String(value);
  } catch {
    return "an error without a text";
  }
}

/** Return a member of what was thrown, if it is a text. */
export function memberOf(error, name) {
  try {
    const value = error?.[name];
    return typeof value === "string" ? value : "";
  } catch {
    return "";
  }
}

/** Return what was thrown in words: its message, or itself. */
export function messageOf(error) {
  if (error === null || (typeof error !== "object" && typeof error !== "function")) {
    return textOf(error);
  }
  const message = memberOf(error, "message");
  if (message || isError(error)) return message;
  try {
    const text = JSON.stringify(error);
    return text && text !== "{}" ? text : textOf(error);
  } catch {
    return textOf(error);
  }
}

/** Return the type of what was thrown. */
export function typeOf(error) {
  const name = memberOf(error, "name");
  if (name && name !== "Error") return name;
  try {
    return (isError(error) && memberOf(error.constructor, "name")) || "Error";
  } catch {
    return "Error";
  }
}

function isError(value) {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}
