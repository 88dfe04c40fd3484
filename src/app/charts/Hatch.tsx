const SIDE = 8;

/**
 * The pattern of everything that is cut away. Its lines are drawn aslant within an upright tile: a tile that is turned costs a
 * processor that paints many times as much, at every move of a slider.
 */
export function Hatch({ id }: { id: string }) {
  return (
    <pattern id={id} width={SIDE} height={SIDE} patternUnits="userSpaceOnUse">
      <rect width={SIDE} height={SIDE} fill="var(--cut-ground)" />
      <path d="M-2 2L2 -2M-2 10L10 -2M6 10L10 6" stroke="var(--cut)" strokeWidth="2" />
    </pattern>
  );
}
