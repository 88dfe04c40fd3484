import type { Precision } from '../../engine/protocol.ts';
import type { FrontPoint } from '../store/front.ts';

/** Colours that people with any colour vision tell apart, in the order in which methods come; shapes say the precision. */
const COLOURS = 8;

export function colourOf(methods: string, colours: readonly string[]): string {
  if (methods === '') return 'var(--dense)';
  return `var(--series-${(Math.max(0, colours.indexOf(methods)) % COLOURS) + 1})`;
}

/** Circle: as stored. Square: f16. Hexagon: f32. Diamond: int8. Triangle: int4. */
const SHAPES: Record<Precision, string> = {
  stored: 'M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z',
  f16: 'M-4.5 -4.5H4.5V4.5H-4.5Z',
  f32: 'M-5 0L-2.5 -4.5H2.5L5 0L2.5 4.5H-2.5Z',
  int8: 'M0 -6L6 0L0 6L-6 0Z',
  int4: 'M0 -6L5.5 4.5H-5.5Z',
};

interface Props {
  precision: Precision;
  kind: FrontPoint['kind'];
  isPreview?: boolean;
  colour: string;
  isSelected?: boolean;
}

/** Hollow: measured in the app. Filled: a verified file. A dotted rim: a quick measure. The dense model is a cross. */
export function Mark({ precision, kind, isPreview = false, colour, isSelected = false }: Props) {
  const isDense = kind === 'dense';
  return (
    <>
      {isSelected && <circle r="10" fill="none" stroke={colour} strokeWidth="1.25" />}
      {isDense ? (
        <path d="M-5 -5L5 5M-5 5L5 -5" stroke={colour} strokeWidth="2.25" />
      ) : (
        <path
          d={SHAPES[precision]}
          fill={kind === 'file' ? colour : 'var(--ground)'}
          stroke={colour}
          strokeWidth="2"
          strokeDasharray={isPreview ? '2 1.6' : undefined}
        />
      )}
    </>
  );
}
