import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';
import { afterEach, describe, expect, it } from 'vitest';

interface Rules {
  forbidden: IForbiddenRuleType[];
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Names of the rules that a small tree of sources breaks. */
async function broken(files: Record<string, string>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'layers-'));
  folders.push(folder);
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), source);
  }
  const settings = '../.dependency-cruiser.mjs';
  const { default: rules } = (await import(settings)) as { default: Rules };
  const { output } = await cruise(['src'], {
    baseDir: folder,
    validate: true,
    ruleSet: { forbidden: rules.forbidden },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts'] },
  });
  return (output as ICruiseResult).summary.violations.map((violation) => violation.rule.name);
}

describe('the layer rule', () => {
  it('lets a layer import downwards', async () => {
    expect(
      await broken({
        'src/tensor/shape.ts': 'export const rank = 2;',
        'src/backend/backend.ts': "export { rank } from '../tensor/shape.ts';",
        'src/app/main.ts': "export { run } from '../engine/client.ts';",
        'src/engine/client.ts': 'export const run = 1;',
      }),
    ).toEqual([]);
  });

  it('catches an import upwards', async () => {
    expect(
      await broken({
        'src/tensor/shape.ts': "export { rank } from '../backend/backend.ts';",
        'src/backend/backend.ts': 'export const rank = 2;',
      }),
    ).toContain('layer-tensor');
  });

  it('catches a page that reaches past the engine client, even for a type', async () => {
    expect(
      await broken({
        'src/app/main.ts': "import type { Tensor } from '../backend/backend.ts';\nexport type Drawn = Tensor;",
        'src/backend/backend.ts': 'export interface Tensor { shape: number[] }',
      }),
    ).toContain('layer-app');
  });

  it('catches a folder without a row in the table', async () => {
    expect(await broken({ 'src/helpers/all.ts': "import '../tensor/a.ts';", 'src/tensor/a.ts': '' })).toContain(
      'unlisted-layer',
    );
  });
});
