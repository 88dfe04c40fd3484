export interface TooltipLine {
  name: string;
  value: string;
}

/** Figures at the pointer, with what they were measured by. */
export function ChartTooltip({ title, lines, note }: { title: string; lines: readonly TooltipLine[]; note?: string }) {
  return (
    <div className="chart-tooltip">
      <p className="chart-tooltip-title">{title}</p>
      <dl>
        {lines.map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {note && <p className="chart-tooltip-note">{note}</p>}
    </div>
  );
}
