/**
 * @file Where the browser is. Set-up, the headless command, the bench and the end-to-end tests all ask here, so that
 * they run the same one. Only Node built-ins: set-up runs before anything is installed.
 */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];

const MAC = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
];

const WINDOWS = ['Google\\Chrome\\Application\\chrome.exe', 'Microsoft\\Edge\\Application\\msedge.exe'];

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Places to look, best first. `CHROME_PATH` wins. */
function candidates() {
  if (process.platform === 'darwin') return MAC;
  if (process.platform === 'win32') {
    const roots = [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA].filter(
      Boolean,
    );
    return roots.flatMap((root) => WINDOWS.map((tail) => join(root, tail)));
  }
  const folders = ['/usr/bin', '/usr/local/bin', '/snap/bin', ...(process.env.PATH ?? '').split(delimiter)];
  return NAMES.flatMap((name) => folders.filter(Boolean).map((folder) => join(folder, name)));
}

/** Path of a full Chromium or Chrome (not `headless-shell`, which has no WebGPU), or null. */
export function findChromium() {
  const chosen = process.env.CHROME_PATH;
  if (chosen) return isExecutable(chosen) ? chosen : null;
  return candidates().find(isExecutable) ?? null;
}

/** True where the machine shows a GPU; only Linux can be asked, elsewhere there always is one. */
export function hasGpuDevice() {
  if (process.platform !== 'linux') return true;
  if (existsSync('/dev/nvidia0') || existsSync('/dev/dxg')) return true;
  try {
    return readdirSync('/dev/dri').some((name) => name.startsWith('renderD'));
  } catch {
    return false;
  }
}

/**
 * Flags for a headless Chromium with WebGPU. Without a GPU the software adapter (SwiftShader) does the work; it is
 * also what `WHITTLE_ADAPTER=software` asks for.
 */
export function chromiumFlags() {
  const software = process.env.WHITTLE_ADAPTER === 'software' || !hasGpuDevice();
  const flags = [
    '--no-first-run',
    '--disable-background-networking',
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
    '--enable-unsafe-webgpu',
  ];
  if (software) flags.push('--use-webgpu-adapter=swiftshader');
  else if (process.platform === 'linux') {
    flags.push('--enable-features=Vulkan', '--use-angle=vulkan', '--ignore-gpu-blocklist');
  }
  // Chromium refuses its sandbox to root, which is what containers run as.
  if (process.platform === 'linux' && process.getuid?.() === 0) flags.push('--no-sandbox');
  return flags;
}
