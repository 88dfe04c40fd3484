import { describe, expect, it } from 'vitest';
import { madePortable, parsePythonJson, portableJson, pythonJson } from './python_json.ts';

describe("JSON as Python's json writes it", () => {
  // python -c "import json; print(json.dumps({'a': [0.0, float('inf')], 'b': float('-inf'), 'c': float('nan'), 'Infinity': 'NaN, \"-Infinity\"'}))"
  const TEXT = '{"a": [0.0, Infinity], "b": -Infinity, "c": NaN, "Infinity": "NaN, \\"-Infinity\\""}';
  const VALUE = {
    a: [0, Number.POSITIVE_INFINITY],
    b: Number.NEGATIVE_INFINITY,
    c: Number.NaN,
    Infinity: 'NaN, "-Infinity"',
  };

  it('reads the three words as numbers, and leaves text alone', () => {
    expect(parsePythonJson(TEXT)).toEqual(VALUE);
  });

  it('writes what it has read', () => {
    expect(parsePythonJson(pythonJson(VALUE))).toEqual(VALUE);
    expect(pythonJson({ a: 1.5, b: null, c: Number.NaN })).toBe('{"a":1.5,"b":null,"c":NaN}');
  });

  it('writes infinity so that JavaScript and Python read it', () => {
    const { c, ...rest } = VALUE;
    expect(JSON.parse(portableJson(rest))).toEqual(rest);
    expect(portableJson({ a: [Number.POSITIVE_INFINITY], c, d: 'x' }, 2)).toBe(
      '{\n  "a": [\n    1e999\n  ],\n  "c": null,\n  "d": "x"\n}',
    );
    expect(JSON.parse(madePortable('{"model_max_length": Infinity}')!)).toEqual({ model_max_length: 1 / 0 });
    expect(madePortable('{"model_max_length": 512}')).toBeUndefined();
    expect(madePortable('{"model_max_length": ')).toBeUndefined();
  });

  it.each(['{"a": Infinit}', '{"a": +Infinity}', '{"a": InfinityNaN}', '{"a": NaN', '{NaN: 1}', 'nan', '{"a": "NaN}'])(
    'still refuses %s',
    (text) => {
      expect(() => parsePythonJson(text)).toThrow(SyntaxError);
    },
  );
});
