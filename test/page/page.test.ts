import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { overviewOf, pageHandler } from '../../src/overview/index.ts';
import type { ClusterObjects } from '../../src/overview/index.ts';
import { eventually } from '../support/index.ts';
import { Browser } from './browser.ts';
import { midRollout, now } from './scene.ts';

const desktop = { width: 1200, height: 900 };
const phone = { width: 380, height: 800 };
const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

let objects: ClusterObjects;
let browser: Browser;
let url: string;
const server = createServer(
  pageHandler(() =>
    Promise.resolve({ overview: overviewOf(objects, now), teller: { identity: 'operator-a', leader: 'operator-b' } }),
  ),
);

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await Browser.start();
});
afterAll(async () => {
  await browser.stop();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  browser.complaints.length = 0;
  browser.requested.length = 0;
});

const text = async (): Promise<string> => String(await browser.evaluate('document.body.innerText'));

describe('the page in a browser', () => {
  test('with 5,000 nodes shows each state with its reason, names some nodes of each, and stays small', async () => {
    objects = midRollout(5000);
    await browser.open(url, desktop);
    const shown = await text();
    expect(shown).toContain('Not Ready: default');
    expect(shown).toContain('4,800 of 4,950 nodes ready');
    for (const said of ['SettingsRefused', 'AgentSilent', 'ObjectsWithProblems', 'Applying', 'and 38 more'])
      expect(shown).toContain(said);
    expect(shown).toContain('shop/cart:http');
    expect(await browser.evaluate('document.querySelectorAll("*").length')).toBeLessThan(1500);
    expect(browser.complaints).toEqual([]);
  });

  test.each(['light', 'dark'] as const)(
    'has nothing that axe finds wrong, contrast included, in %s',
    async (scheme) => {
      objects = midRollout(100);
      await browser.open(url, { ...desktop, scheme });
      await browser.evaluate('for (const each of document.querySelectorAll("details")) each.open = true');
      await browser.evaluate(axe);
      const found = await browser.evaluate(
        'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html))',
      );
      expect(found).toEqual([]);
    },
  );

  test('fits a phone: nothing has to be moved sideways', async () => {
    objects = midRollout(5000);
    await browser.open(url, phone);
    expect(await browser.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(phone.width);
  });

  test('whatever names and messages say is text, is not obeyed, and asks nobody else for anything', async () => {
    objects = hostile();
    await browser.open(url, desktop);
    expect(await text()).toContain(evil);
    expect(
      await browser.evaluate(
        '[document.title, document.querySelectorAll("img, iframe, script").length, globalThis.pwned]',
      ),
    ).toEqual([expect.stringContaining('<img'), 1, null]);
    expect(browser.requested.filter((each) => !each.startsWith(url))).toEqual([]);
    expect(browser.complaints).toEqual([]);
  });

  test('even what would get into it as HTML could load and run nothing', async () => {
    objects = midRollout(4);
    await browser.open(url, desktop);
    await browser.evaluate(
      `document.body.insertAdjacentHTML('beforeend', '<img src="https://192.0.2.1/x.png" onerror="globalThis.pwned = 1">')`,
    );
    expect(await browser.evaluate('globalThis.pwned ?? "untouched"')).toBe('untouched');
    const complains = () => browser.complaints.join('\n').includes('Content Security Policy');
    await eventually('Chromium says what it has kept out', complains);
  });

  test('follows the cluster while somebody looks, and leaves open what was opened', async () => {
    objects = midRollout(4);
    await browser.open(url, desktop);
    await browser.evaluate('document.querySelector("#conditions-default summary").click()');
    objects = { configs: objects.configs.slice(0, 1), nodes: [] };
    await browser.evaluate('new Promise((resolve) => setTimeout(resolve, 50)).then(() => refresh())');
    expect(await text()).toContain('No node was ever told a ProxyConfig');
    expect(await browser.evaluate('document.querySelector("#conditions-default").open')).toBe(true);
  });

  test('says that it is old when the operator does not answer any more', async () => {
    objects = midRollout(4);
    await browser.open(url, desktop);
    await browser.evaluate('globalThis.fetch = () => Promise.reject(new Error("gone")); refresh().catch(stale)');
    expect(await browser.evaluate('getComputedStyle(document.body, "::before").content')).toContain(
      'what you see is old',
    );
  });
});

const evil = '"\'><img src=x onerror="globalThis.pwned = 1"><script>globalThis.pwned = 1</script>';

/** Every text of every object is an attack. */
function hostile(): ClusterObjects {
  const attack = <T>(value: T): T =>
    JSON.parse(
      JSON.stringify(value, (key, each: unknown) => (['name', 'reason', 'message'].includes(key) ? evil : each)),
    ) as T;
  return attack(midRollout(12));
}
