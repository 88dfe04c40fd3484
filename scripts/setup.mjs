/**
 * @file Makes a fresh clone ready: Node's version, packages, a Chromium with WebGPU, and the Vulkan loader that Dawn for
 * Node needs in unit tests. Only Node built-ins. Silent and quick (a few file checks) when nothing is missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium } from './chromium.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

function fail(line) {
  process.stderr.write(`setup: ${line}\n`);
  process.exit(1);
}

function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [major, minor] = engines.node.match(/\d+/g).map(Number);
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= (minor ?? 0))) return;
  fail(`Node ${engines.node} is needed, this is ${process.versions.node}. Install a newer Node and try again.`);
}

/** npm writes `node_modules/.package-lock.json` last, so its age says whether the install is complete and current. */
function installPackages() {
  const lock = join(root, 'package-lock.json');
  const mark = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(mark) && statSync(mark).mtimeMs >= statSync(lock).mtimeMs) return;
  if (existsSync(mark) && sameLock(lock, mark)) {
    const now = new Date();
    utimesSync(mark, now, now);
    return;
  }
  say('installing packages (npm ci)');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // Its warnings are about packages of packages, and would stand before what was asked for.
  const { status } = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    // A half-made folder would pass for a whole one next time.
    rmSync(mark, { force: true });
    fail('npm ci failed (see above). Is the package registry reachable?');
  }
}

/** A fresh checkout dates package-lock.json to now; packages of the same versions need no second install. */
function sameLock(lock, mark) {
  const versions = (path) => {
    const { packages } = JSON.parse(readFileSync(path, 'utf8'));
    return new Map(Object.entries(packages).flatMap(([name, entry]) => (name ? [[name, entry]] : [])));
  };
  const wanted = versions(lock);
  const have = versions(mark);
  // Optional packages of other platforms are in the lock only.
  return [...wanted].every(([name, entry]) => have.get(name)?.version === entry.version || entry.optional);
}

function aptInstall(packages) {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get')) return false;
  const isRoot = process.getuid() === 0;
  if (!isRoot && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) return false;
  const apt = (...args) => {
    const [command, ...rest] = isRoot ? ['apt-get', ...args] : ['sudo', '-n', 'apt-get', ...args];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    return spawnSync(command, rest, { stdio: ['ignore', 2, 2], env }).status === 0;
  };
  say(`installing ${packages.join(' and ')} (apt-get)`);
  apt('update', '-qq');
  return apt('install', '-y', '-qq', '--no-install-recommends', ...packages);
}

function hasVulkanLoader() {
  const folders = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/lib', '/lib64'];
  const triplet = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch];
  return [...folders, ...(triplet ? [`/usr/lib/${triplet}`, `/lib/${triplet}`] : [])].some((folder) =>
    existsSync(join(folder, 'libvulkan.so.1')),
  );
}

function installBrowser() {
  const missing = [];
  if (!findChromium()) missing.push('chromium');
  if (process.platform === 'linux' && !hasVulkanLoader()) missing.push('libvulkan1');
  if (missing.length === 0) return;
  if (process.env.CHROME_PATH && missing.includes('chromium')) {
    fail(`CHROME_PATH is ${process.env.CHROME_PATH}, which is not a program that can be run. Correct it or unset it.`);
  }
  aptInstall(missing);
  if (!findChromium()) {
    fail(
      'no Chromium or Chrome was found, and it could not be installed. Install Chrome or Chromium 121 or newer ' +
        '(on Debian: apt-get install chromium libvulkan1), or set CHROME_PATH to its program file.',
    );
  }
  if (process.platform === 'linux' && !hasVulkanLoader()) {
    say('libvulkan1 is missing: unit tests on WebGPU will be skipped. The studio and the headless command work.');
  }
}

checkNode();
installPackages();
installBrowser();
