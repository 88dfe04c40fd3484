/** @file Recipes that people ask for by a short name: buttons of the studio. A test holds each to the registry. */

export interface Preset {
  readonly label: string;
  readonly recipe: string;
  /** When to take it, in a sentence. */
  readonly help: string;
}

export const PRESETS: readonly Preset[] = [
  {
    label: '4-bit',
    recipe: 'embed:bits=8; correct; gptq:bits=4,group=32',
    help: 'Close to the original at a third of float16; the one to begin with.',
  },
  {
    label: '3-bit',
    recipe: 'embed:bits=8; correct; gptq:bits=3,group=32',
    help: 'Smaller than 4-bit and clearly worse; correct makes up for part of it.',
  },
  {
    label: '8-bit',
    recipe: 'embed:bits=8; rtn:bits=8,group=row',
    help: 'Half of float16, and hardly to be told from the original.',
  },
  {
    label: '2:4',
    recipe: 'correct; wanda:pattern=2:4',
    help: 'Two of every four weights become zero, which hardware can use.',
  },
];
