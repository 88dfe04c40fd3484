/** @file Small tasks whose answers are computed, for conversations: arithmetic, units, words, dates, code; and what can be asked about a passage. */

/** Whole numbers from 0 up to, but not including, n. */
export type Dice = (n: number) => number;
export type Exchange = readonly [request: string, answer: string];

/** The same numbers for the same seed, everywhere (xorshift32). */
export function diceOf(seed: number): Dice {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % n;
  };
}

export function pick<T>(dice: Dice, all: readonly T[]): T {
  return all[dice(all.length)];
}

const WORDS =
  'anchor basket candle desert engine forest guitar harbour island jacket kettle ladder marble needle orchard pepper quarry ribbon saddle timber umbrella valley window yellow zipper'.split(
    ' ',
  );
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const NAMES = 'Amira Bruno Chen Daria Emeka Farah Goran Hana Ivo Jun Kofi Lena'.split(' ');
const GOODS = ['notebooks', 'train tickets', 'bags of flour', 'light bulbs', 'litres of paint', 'theatre seats'];

/** One kind of task each; what they ask and how they word it is drawn. */
export const TASKS: readonly ((dice: Dice) => Exchange)[] = [
  (dice) => {
    const [name, goods, count] = [pick(dice, NAMES), pick(dice, GOODS), 3 + dice(40)];
    const cents = 105 + 5 * dice(400);
    const price = money(cents);
    return [
      pick(dice, [
        `${name} buys ${count} ${goods} at ${price} each. What does it cost?`,
        `How much are ${count} ${goods} if one costs ${price}?`,
      ]),
      pick(dice, [
        `${count} × ${price} = ${money(count * cents)}, so it costs ${money(count * cents)}.`,
        `${money(count * cents)}. That is ${count} times ${price}.`,
      ]),
    ];
  },
  (dice) => {
    const [percent, base] = [5 * (1 + dice(19)), 20 * (2 + dice(90))];
    const share = (percent * base) / 100;
    return [
      pick(dice, [`What is ${percent} % of ${base}?`, `Take ${percent} percent off ${base}. What is left?`]),
      `${percent} % of ${base} is ${share}: one percent is ${base / 100}, and ${percent} times that is ${share}. Taken off, ${base - share} are left.`,
    ];
  },
  (dice) => {
    const km = 3 + dice(400);
    return [
      pick(dice, [`Convert ${km} km to miles.`, `How far is ${km} kilometres in miles?`]),
      `About ${(km / 1.609344).toFixed(1)} miles. One mile is 1.609 km, so divide by that.`,
    ];
  },
  (dice) => {
    const celsius = dice(61) - 20;
    return [
      `It is ${celsius} °C here. What is that in Fahrenheit?`,
      `${((celsius * 9) / 5 + 32).toFixed(1)} °F. Multiply by nine fifths and add 32.`,
    ];
  },
  (dice) => {
    const words = drawn(dice, WORDS, 4 + dice(4));
    return [
      `Sort these words alphabetically: ${words.join(', ')}.`,
      [...words]
        .sort()
        .map((word, i) => `${i + 1}. ${word}`)
        .join('\n'),
    ];
  },
  (dice) => {
    const date = new Date(Date.UTC(1900 + dice(140), dice(12), 1 + dice(28)));
    const text = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
    return [`Which day of the week is ${text}?`, `${text} is a ${DAYS[date.getUTCDay()]}.`];
  },
  (dice) => {
    const [from, minutes] = [dice(1440), 15 + 5 * dice(60)];
    const end = (from + minutes) % 1440;
    return [
      `A train leaves at ${clock(from)} and takes ${Math.floor(minutes / 60)} h ${minutes % 60} min. When does it arrive?`,
      `At ${clock(end)}${from + minutes >= 1440 ? ' on the next day' : ''}.`,
    ];
  },
  (dice) => {
    const word = pick(dice, WORDS);
    const letter = pick(dice, [...word]);
    const count = [...word].filter((each) => each === letter).length;
    return [
      `How often does the letter "${letter}" stand in "${word}"?`,
      `${count === 1 ? 'Once' : count === 2 ? 'Twice' : `${count} times`}. Spelled out: ${[...word].join('-')}.`,
    ];
  },
  (dice) => {
    const [name, most] = [pick(dice, WORDS), 10 * (1 + dice(9))];
    return [
      `Write a Python function that counts how many numbers in a list named ${name} are greater than ${most}.`,
      `\`\`\`python\ndef count_greater(${name}):\n    return sum(1 for number in ${name} if number > ${most})\n\`\`\`\nIt adds one for every number above ${most}; an empty list gives 0.`,
    ];
  },
  (dice) => {
    const [a, b] = drawn(dice, WORDS, 2);
    return [
      `In JavaScript, how do I swap the variables ${a} and ${b}?`,
      `\`\`\`js\n[${a}, ${b}] = [${b}, ${a}];\n\`\`\`\nThe right side is evaluated first, so no third variable is needed. Put a semicolon before the bracket if the line above has none.`,
    ];
  },
];

/** What a program can answer about some sentences of prose; `next` are those that stand behind them. */
export const PASSAGE_TASKS: readonly ((dice: Dice, passage: readonly string[], next: readonly string[]) => Exchange)[] =
  [
    (dice, passage, next) => [
      `${pick(dice, ['Go on with this story:', 'How could this go on?', 'Continue in the same style:'])}\n\n${passage.join(' ')}`,
      next.join(' '),
    ],
    (_, passage) => [`Put capitals and full stops back:\n\n${bare(passage)}`, passage.join(' ')],
    (dice, passage) => [
      `${pick(dice, ['Split this into sentences, one a line.', 'Make a numbered list of these sentences.'])}\n\n${passage.join(' ')}`,
      passage.map((sentence, i) => `${i + 1}. ${sentence}`).join('\n'),
    ],
    (_, passage) => [
      `How many sentences and words has this?\n\n${passage.join(' ')}`,
      `${passage.length} sentences and ${passage.join(' ').split(' ').length} words. The longest sentence is: "${[...passage].sort((a, b) => b.length - a.length)[0]}"`,
    ],
    (_, passage) => [
      `Quote only the last sentence of this passage.\n\n${passage.join(' ')}`,
      passage[passage.length - 1],
    ],
  ];

function bare(passage: readonly string[]): string {
  return passage
    .join(' ')
    .toLowerCase()
    .replace(/[.!?;:,"()]/g, '');
}

function drawn<T>(dice: Dice, all: readonly T[], count: number): T[] {
  const left = [...all];
  return Array.from({ length: count }, () => left.splice(dice(left.length), 1)[0]);
}

function money(cents: number): string {
  return `$${Math.floor(cents / 100).toLocaleString('en-US')}.${String(cents % 100).padStart(2, '0')}`;
}

function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}
