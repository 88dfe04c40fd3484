import { it } from 'vitest';
import { createNodeWebGpuBackend, randomIds, randomValues } from '../testing.ts';
it('bench', async () => {
  const b = (await createNodeWebGpuBackend())!;
  const R = 1024, D = 256, F = 704, V = 4096;
  const t = (r: number, c: number) => b.fromArray(randomValues(r * c, r + c), [r, c], 't');
  const x = t(R, D), w = t(F, D), wd = t(D, F), e = t(V, D), o = t(R, D), f = t(R, F), f2 = t(R, F), f3=t(R,F), lg = t(R, V), k = t(R, 128), v = t(R, 128), q = t(R, D), gamma = b.fromArray(randomValues(D, 3), [D], 'g'), cov = t(D, D), st = t(R, 4), ids = b.fromIds(randomIds(R, V, 1), 'ids'), cos = t(256, 16), sin = t(256, 16);
  const t_w = t(D, D);
  const time = async (name: string, run: () => void, mac: number) => {
    await b.sync();
    const t0 = performance.now(); run(); await b.sync(); const first = performance.now() - t0;
    let best = 1e9; let cpu = 1e9;
    for (let i = 0; i < 4; i++) { const c = process.cpuUsage(); const t1 = performance.now(); run(); await b.sync(); best = Math.min(best, performance.now() - t1); const u = process.cpuUsage(c); cpu = Math.min(cpu, (u.user + u.system) / 1e3); }
    console.log(name.padEnd(20), 'first', first.toFixed(0), 'best', best.toFixed(1), 'cpu', cpu.toFixed(1), 'GF/2cpu', (4 * mac / cpu / 1e6).toFixed(2));
  };
  await time('matmul_bt qkv', () => b.matmul_bt({ a: x, b: t_w, output: o }), R * D * D);
  await time('matmul_bt gate', () => b.matmul_bt({ a: x, b: w, output: f }), R * D * F);
  await time('matmul_bt down', () => b.matmul_bt({ a: f, b: wd, output: o }), R * D * F);
  await time('matmul_bt logits', () => b.matmul_bt({ a: x, b: e, output: lg }), R * D * V);
  await time('cross_entropy', () => b.cross_entropy({ logits: lg, target_ids: ids, first_column: 0, state: st }), R * V);
  await time('attention', () => b.attention({ query: q, key: k, value: v, output: o, seqlen: 256, heads: 8, kv_heads: 4, head_dim: 32, scale: 0.1 }), R * 128 * 8 * 64);
  await time('rotary', () => b.rotary({ states: q, cos, sin, seqlen: 256, heads: 8, head_dim: 32 }), R * D);
  await time('rms_norm', () => b.rms_norm({ hidden_states: x, weight: gamma, eps: 1e-5, normalized_size: D, output: o }), R * D * 2);
  await time('swiglu', () => b.swiglu({ gate: f, up: f2, output: f3 }), R * F);
  await time('add', () => b.add({ a: x, b: q, output: o }), R * D);
  await time('covariance', () => b.covariance({ hidden_states: x, covariance: cov }), R * D * D / 2);
  await time('count_non_finite', () => b.count_non_finite({ tensor: lg, counts: ids, index: 0 }), R * V);
  const t_f16 = new Uint8Array(V * D * 2);
  await time('decode f16', () => b.decode(t_f16, 'F16', [V, D], 'w').dispose(), V * D);
  b.dispose();
}, 300000);
