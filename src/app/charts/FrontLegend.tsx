import type { Precision } from '../../engine/protocol.ts';
import { PRECISION_LABELS } from '../store/exports.ts';
import type { FrontPoint } from '../store/front.ts';
import { colourOf, Mark } from './marks.tsx';

/** What is drawn, and nothing else: colours by methods, shapes by precision, files filled. */
export function FrontLegend({ points, colours }: { points: readonly FrontPoint[]; colours: readonly string[] }) {
  const precisions = [
    ...new Set(points.filter(({ kind }) => kind !== 'dense').map(({ precision }) => precision)),
  ] as Precision[];
  const hasFiles = points.some(({ kind }) => kind === 'file');
  const hasPreview = points.some(({ is_preview }) => is_preview);
  return (
    <ul className="legend legend-wide">
      {points.some(({ kind }) => kind === 'dense') && (
        <Item label="dense">
          <Mark kind="dense" precision="stored" colour="var(--dense)" />
        </Item>
      )}
      {colours.map((methods) => (
        <li key={methods} title={methods}>
          <i className="legend-colour" style={{ background: colourOf(methods, colours) }} />
          <span className="legend-name">{methods}</span>
        </li>
      ))}
      {precisions.length > 1 &&
        precisions.map((precision) => (
          <Item key={precision} label={PRECISION_LABELS[precision]}>
            <Mark kind="run" precision={precision} colour="var(--muted)" />
          </Item>
        ))}
      {hasPreview && (
        <Item label="quick measure">
          <Mark kind="run" precision="stored" isPreview colour="var(--muted)" />
        </Item>
      )}
      {hasFiles && (
        <Item label="verified file">
          <Mark kind="file" precision="stored" colour="var(--muted)" />
        </Item>
      )}
    </ul>
  );
}

function Item({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <li>
      <svg viewBox="-8 -8 16 16" width="14" height="14" aria-hidden="true">
        {children}
      </svg>
      {label}
    </li>
  );
}
