/** @file Bits by layer and linear: the recipe's integers, changed one by one, a row or a column at once. */
import { type KeyboardEvent, useMemo, useRef, useState } from 'react';
import { PRESETS } from '../../../compress/recipe/presets.ts';
import { formatPercent } from '../../format.ts';
import {
  BITS,
  type BitCount,
  bitStepOf,
  bitsOf,
  linearsOf,
  nextBits,
  type Place,
  withBits,
} from '../../store/bit_mix.ts';
import { heatScale, stepSources } from '../../store/heat.ts';
import { useStudio, useStudioState } from '../../studio.ts';
import { heatColour } from '../heat/HeatGrid.tsx';

export default function BitsCard() {
  const studio = useStudio();
  const shape = useStudioState((state) => state.results.model?.shape);
  const recipe = useStudioState((state) => state.recipe) || PRESETS[0].recipe;
  const step = useMemo(() => bitStepOf(recipe), [recipe]);
  const losses = useLosses(step?.method);
  const table = useRef<HTMLTableElement>(null);
  const [at, setAt] = useState({ row: 0, layer: 0 });
  if (!shape || !step) return null;
  const names = linearsOf(shape);
  const layers = Array.from({ length: shape.num_hidden_layers }, (_, layer) => layer);
  const set = (places: readonly Place[], bits: BitCount | null) =>
    studio.store.setState({ recipe: withBits(step, places, bits) });
  const current = { row: Math.min(at.row, names.length - 1), layer: Math.min(at.layer, layers.length - 1) };
  function press(event: KeyboardEvent) {
    const moves: Record<string, [number, number]> = {
      ...{ ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] },
      ...{ Home: [0, -layers.length], End: [0, layers.length] },
    };
    const move = moves[event.key];
    const bits = BITS.find((each) => String(each) === event.key);
    const place = { layer: current.layer, name: names[current.row] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (move) {
      const row = Math.min(names.length - 1, Math.max(0, current.row + move[0]));
      const layer = Math.min(layers.length - 1, Math.max(0, current.layer + move[1]));
      setAt({ row, layer });
      table.current?.querySelector<HTMLElement>(`[data-cell="${row}/${layer}"]`)?.focus();
    } else if (bits) set([place], bits);
    else if (event.key === 'Delete' || event.key === 'Backspace') set([place], null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return (
    <section className="chart-card bits-card" aria-labelledby="bits-title">
      <header>
        <h2 id="bits-title">Bits by layer and linear</h2>
      </header>
      <p className="protocol">
        Of the recipe’s {step.method}: press a number to change it, or type 2, 3, 4 or 8; Delete takes the step’s own{' '}
        {step.own.bits}. {losses ? `Colour: what ${losses.label} lost there.` : ''}
      </p>
      <div className="bits-scroll">
        <table ref={table} className="bits">
          <caption className="visually-hidden">Bits by layer and linear</caption>
          <thead>
            <tr>
              <td />
              {layers.map((layer) => (
                <th key={layer} scope="col">
                  <button
                    type="button"
                    tabIndex={-1}
                    title={`All of layer ${layer}`}
                    aria-label={`All linears of layer ${layer}`}
                    onClick={() =>
                      set(
                        names.map((name) => ({ layer, name })),
                        nextBits(bitsOf(step, layer, names[0])),
                      )
                    }
                  >
                    {layer}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody onKeyDown={press}>
            {names.map((name, row) => (
              <tr key={name}>
                <th scope="row">
                  <button
                    type="button"
                    title={`${name} of all layers`}
                    aria-label={`${name} of all layers`}
                    onClick={() =>
                      set(
                        layers.map((layer) => ({ layer, name })),
                        nextBits(bitsOf(step, 0, name)),
                      )
                    }
                  >
                    {name}
                  </button>
                </th>
                {layers.map((layer) => {
                  const bits = bitsOf(step, layer, name);
                  const lost = losses?.of(layer, name);
                  const told = lost === undefined ? '' : `, loses ${formatPercent(lost)}`;
                  return (
                    <td
                      key={layer}
                      style={
                        {
                          '--heat': losses ? heatColour(0.55 * losses.scale(lost ?? 0)) : undefined,
                        } as React.CSSProperties
                      }
                    >
                      <button
                        type="button"
                        data-cell={`${row}/${layer}`}
                        data-own={bits === step.own.bits ? undefined : ''}
                        tabIndex={row === current.row && layer === current.layer ? 0 : -1}
                        aria-label={`layer ${layer} ${name}: ${bits} bits${told}`}
                        title={`layer ${layer} ${name}: ${bits} bits${told}`}
                        onFocus={() => setAt({ row, layer })}
                        onClick={() => set([{ layer, name }], nextBits(bits))}
                      >
                        {bits}
                      </button>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Of the newest run whose step was of this method. */
function useLosses(method: string | undefined) {
  const runs = useStudioState((state) => state.results.runs);
  return useMemo(() => {
    const source = stepSources({ runs }).findLast(({ label }) => label.startsWith(`${method} of `));
    if (!source) return null;
    const values = new Map(source.map.cells.map((cell) => [`${cell.layer} ${cell.row}`, cell.value]));
    const scale = heatScale([...values.values()]);
    return { label: source.label, scale, of: (layer: number, name: string) => values.get(`${layer} ${name}`) };
  }, [runs, method]);
}
