import { expect, it } from 'vitest';
import { configText } from './config_text.ts';

it('keeps the point of numbers that transformers types as floats', () => {
  const text = configText({
    final_logit_softcapping: 30,
    attn_logit_softcapping: null,
    rope_theta: 10000,
    hidden_size: 64,
    rope_scaling: { factor: 8, rope_type: 'llama3' },
    residual_multiplier: 0.22,
  });
  expect(text).toContain('"final_logit_softcapping": 30.0,');
  expect(text).toContain('"attn_logit_softcapping": null,');
  expect(text).toContain('"rope_theta": 10000.0,');
  expect(text).toContain('"hidden_size": 64,');
  expect(text).toContain('"factor": 8.0,');
  expect(text).toContain('"residual_multiplier": 0.22\n');
  expect(JSON.parse(text)).toMatchObject({ final_logit_softcapping: 30, rope_scaling: { factor: 8 } });
});

it('is two spaces deep, a line each, with a newline at the end', () => {
  expect(configText({ a: 1, b: { factor: 2 } })).toBe('{\n  "a": 1,\n  "b": {\n    "factor": 2.0\n  }\n}\n');
});
