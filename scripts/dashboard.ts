/*
 * `npm run pictures:dashboard`: docs/pictures/dashboard.png. A cluster on this machine, a minute and a half of its life, a real
 * Prometheus that asks operator and agents, and every query of config/monitoring/dashboard.json. Drawn here, not by Grafana.
 * Fails when a query that ought to have an answer has none.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import * as nftproxy from '../test/e2e/index.ts';
import { Browser } from '../test/page/index.ts';
import { makeImage, repository } from './build.ts';
import { dashboardPage, legendOf } from './dashboard/draw.ts';
import type { Line, Panel } from './dashboard/draw.ts';
import { Prometheus } from './dashboard/prometheus.ts';
import { chromium, programs, requirePrograms } from './prerequisites.ts';
import { say } from './terminal.ts';

/** Where nothing is to be seen while all is well. */
const quietWhenWell = ['Service ports that are set aside, settings that are refused'];
const agent = { metricsBindAddress: '0.0.0.0:10249', haproxy: {} };

const { panels } = JSON.parse(readFileSync(join(repository, 'config/monitoring/dashboard.json'), 'utf8')) as {
  panels: Panel[];
};

/** Endpoints come and go, settings change, an agent is killed, and requests run all the while. */
async function live({ cluster, ip }: Awaited<ReturnType<typeof nftproxy.startWithTraffic>>): Promise<void> {
  const { failures } = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
    for (const replicas of [5, 2, 6, 3]) {
      await cluster.kubectl('scale', 'deployment/echo', `--replicas=${replicas}`);
      await sleep(12_000);
    }
    await nftproxy.configure(cluster, { agent, loadBalancing: { algorithm: 'maglev' } });
    await nftproxy.restartAgent(cluster, 'node-2', 'SIGKILL');
    await sleep(12_000);
    await cluster.kubectl('scale', 'deployment/echo', '--replicas=4');
    await sleep(12_000);
  });
  if (failures.length > 0) throw new Error(`${failures.length} requests failed, the first: ${failures[0] ?? ''}`);
}

async function linesOf(prometheus: Prometheus, panel: Panel): Promise<Line[]> {
  const lines: Line[] = [];
  for (const { expr, legendFormat } of panel.targets) {
    for (const { labels, points } of await prometheus.ask(expr))
      lines.push({ name: legendOf(legendFormat, labels), points });
  }
  if (lines.length === 0 && !quietWhenWell.includes(panel.title)) throw new Error(`"${panel.title}" shows nothing`);
  return lines;
}

async function draw(html: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nftproxy-dashboard-'));
  const browser = await Browser.start();
  try {
    writeFileSync(join(folder, 'dashboard.html'), html);
    await browser.open(pathToFileURL(join(folder, 'dashboard.html')).href, { width: 1240, height: 900 });
    const png = execFileSync('pngquant', ['--speed=1', '64', '-'], { input: await browser.picture(2000) });
    writeFileSync(join(repository, 'docs/pictures/dashboard.png'), png);
    say(`docs/pictures/dashboard.png: ${Math.round(png.length / 1024)} KB`);
  } finally {
    await browser.stop();
    rmSync(folder, { recursive: true });
  }
}

const more = ['prometheus', 'pngquant'].map((name) => ({ name, packageName: name }));
requirePrograms([...Object.values(programs), chromium, ...more], say);
await makeImage(say);
await makeImage(say, 'haproxy');
const world = await nftproxy.startWithTraffic(3, { agent });
// Its requests are looked at, as its port's own words do not say what it speaks.
await world.cluster.kubectl('annotate', 'service/echo', 'nftproxy.io/engine=http');
const prometheus = await Prometheus.start(world.cluster);
try {
  say('a minute and a half of a cluster');
  await live(world);
  const shown: { panel: Panel; lines: Line[] }[] = [];
  for (const panel of panels) shown.push({ panel, lines: await linesOf(prometheus, panel) });
  await draw(dashboardPage('nftproxy: a small cluster under changes', shown));
} finally {
  await prometheus.stop();
  await world.cluster.stop();
}
