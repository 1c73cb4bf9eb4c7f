// Text in XML. XML 1.0 cannot say most control characters, lone surrogates, U+FFFE and U+FFFF, not even as references. A text that has one of them
// is written with backslashes, and its element says so: escaped="true"; then \uXXXX is that code unit and \\ a backslash. All other texts
// are written as they are, backslashes included.

const MARKUP = /[&<>\r]/g;
const MARKUP_IN_ATTRIBUTE = /[&<>"\r\n\t]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for.
const SUSPECT = /[&<>\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/;
const SUSPECT_IN_ATTRIBUTE = /[&<>"\r\n\t]/;
const UNSPEAKABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for.
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const UNSPEAKABLE_OR_BACKSLASH = new RegExp(`\\\\|${UNSPEAKABLE.source}`, 'g');
const UNSPEAKABLE_ALL = new RegExp(UNSPEAKABLE, 'g');

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
  '\n': '&#10;',
  '\t': '&#9;',
};

/** True if XML cannot say this text as it is. */
export function isUnspeakable(text: string): boolean {
  return SUSPECT.test(text) && UNSPEAKABLE.test(text);
}

/** The text as content of an element; with `backslashes`, as the content of one with escaped="true". */
export function escapeContent(text: string, backslashes: boolean): string {
  const spoken = backslashes ? text.replace(UNSPEAKABLE_OR_BACKSLASH, backslashed) : text;
  return SUSPECT.test(spoken) ? spoken.replace(MARKUP, reference) : spoken;
}

/** The text as value of an attribute; what XML cannot say must have been escaped. */
export function escapeAttribute(text: string): string {
  return SUSPECT_IN_ATTRIBUTE.test(text) ? text.replace(MARKUP_IN_ATTRIBUTE, reference) : text;
}

/** The text with backslashes, for attributes that say so beside them. */
export function withBackslashes(text: string): string {
  return text.replace(UNSPEAKABLE_OR_BACKSLASH, backslashed);
}

/** JSON as text that XML can say: JSON's own escapes serve for what is left. */
export function speakableJson(value: unknown): string {
  const json = JSON.stringify(value) ?? 'null';
  return UNSPEAKABLE.test(json) ? json.replace(UNSPEAKABLE_ALL, backslashed) : json;
}

function backslashed(unit: string): string {
  return unit === '\\' ? '\\\\' : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function reference(character: string): string {
  return REFERENCES[character] as string;
}
