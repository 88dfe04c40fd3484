export function findChromium(): string | null;
export function hasGpuDevice(): boolean;
export function chromiumFlags(): string[];
