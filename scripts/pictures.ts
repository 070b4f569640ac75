/*
 * `npm run pictures`: the operator's page as docs/pictures/page-*.png, from the objects of test/page/scene.ts, by a headless
 * Chromium.
 */
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { overviewOf, pageHandler } from '../src/overview/index.ts';
import { listen } from '../src/runtime/index.ts';
import { Browser, midRollout, now } from '../test/page/index.ts';
import type { View } from '../test/page/index.ts';
import { repository } from './build.ts';
import { chromium, requirePrograms } from './prerequisites.ts';
import { say } from './terminal.ts';

const pictures: Readonly<Record<string, { nodes: number; longest: number; view: View }>> = {
  'page-light': { nodes: 12, longest: 1400, view: { width: 1100, height: 900 } },
  'page-dark': { nodes: 5000, longest: 1400, view: { width: 1100, height: 900, scheme: 'dark' } },
  'page-phone': { nodes: 5000, longest: 1300, view: { width: 390, height: 800 } },
};

requirePrograms([chromium, { name: 'pngquant', packageName: 'pngquant' }], say);
let size = 0;
const teller = { identity: 'nftproxy-operator-7d9f5c-x2x4k', leader: 'nftproxy-operator-7d9f5c-x2x4k' };
const server = createServer(
  pageHandler(() => Promise.resolve({ overview: overviewOf(midRollout(size), now), teller })),
);
await listen(server, { host: '127.0.0.1', port: 0 });
const address = server.address();
const browser = await Browser.start();
for (const [name, { nodes, longest, view }] of Object.entries(pictures)) {
  size = nodes;
  await browser.open(`http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}/`, view);
  const png = execFileSync('pngquant', ['--speed=1', '64', '-'], { input: await browser.picture(longest) });
  writeFileSync(join(repository, `docs/pictures/${name}.png`), png);
  say(`docs/pictures/${name}.png: ${Math.round(png.length / 1024)} KB`);
}
await browser.stop();
server.closeAllConnections();
server.close();
