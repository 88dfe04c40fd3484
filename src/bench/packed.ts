/** @file A product with a matrix in each of its packed forms, beside f32. */
import { runCpuTask } from './cpu_task.ts';
import { type NamedShape, PACKED_FORMS, type PackedFigure, type PackedForm } from './figures.ts';

export async function benchPacked(shape: NamedShape): Promise<PackedFigure> {
  const { m, k, n } = shape;
  const { threads, ms } = await runCpuTask('packed', { m, k, n });
  const ratio = (form: PackedForm) => (ms.f32 as number) / (ms[form] ?? Number.NaN);
  const ratios = Object.fromEntries(PACKED_FORMS.map((form) => [form, ratio(form)])) as Record<PackedForm, number>;
  return { ...shape, f32_ms: ms.f32, ...ratios, threads };
}
