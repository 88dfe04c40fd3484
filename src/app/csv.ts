/** @file Tables as RFC 4180 has them: full digits, commas, CRLF. */

export type CsvValue = string | number | null | undefined;

/** @param rows The names of the columns first. */
export function csvText(rows: readonly (readonly CsvValue[])[]): string {
  return `${rows.map((row) => row.map(csvField).join(',')).join('\r\n')}\r\n`;
}

function csvField(value: CsvValue): string {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
