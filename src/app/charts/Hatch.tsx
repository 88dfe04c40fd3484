/** The pattern of everything that is cut away. */
export function Hatch({ id }: { id: string }) {
  return (
    <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect width="6" height="6" fill="var(--cut-ground)" />
      <path d="M0 0V6" stroke="var(--cut)" strokeWidth="2" />
    </pattern>
  );
}
