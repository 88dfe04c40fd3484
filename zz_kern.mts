import { writeFileSync } from 'node:fs';
import { build } from 'vite';
