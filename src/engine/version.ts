/** Of Whittle, as exported files name their producer. A test holds it against package.json. */
export const VERSION = '0.3.0';
