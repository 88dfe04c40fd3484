import { useRef } from 'react';

/** The object of the first time that its `key` was this one: what is made anew at every drawing stays one and the same. */
export function useSame<Value>(value: Value, key: string): Value {
  const kept = useRef({ key, value });
  if (kept.current.key !== key) kept.current = { key, value };
  return kept.current.value;
}
