import type { Overview } from '../overview.ts';
import { configView } from './config-view.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { busiestView, changesView, nodesView } from './lists-view.ts';
import { badge, many } from './words.ts';

/** Which process shows the page. */
export interface Teller {
  /** Its name in the Lease. */
  readonly identity: string;
  /** Who leads, as far as is known; this process or another one. */
  readonly leader: string | undefined;
}

/** The whole page. */
export function pageView(overview: Overview, teller: Teller): string {
  const { configs, at, changes, busiest } = overview;
  const look = verdictOf(overview);
  return documentOf(
    look.text,
    html`<header>
        <p class="brand">nftproxy</p>
        <h1 class="${look.good ? 'good' : 'bad'}">${look.text}</h1>
        <p class="quiet">
          ${many(overview.nodeCount, 'node')} · ${tellerView(teller)} ·
          <time datetime="${at}">${at.slice(0, 19).replace('T', ' ')} UTC</time>
        </p>
      </header>
      <main>
        <section aria-labelledby="configs">
          <h2 id="configs">ProxyConfigs</h2>
          ${configs.length === 0 ? html`<p class="quiet">There is none: nodes go on with what they were told last.</p>` : undefined}
          <div class="cards">${configs.map((config) => configView(config, at))}</div>
        </section>
        <section aria-labelledby="nodes">
          <h2 id="nodes">Nodes</h2>
          ${nodesView(overview)}
        </section>
        <div class="columns">
          <section aria-labelledby="busiest">
            <h2 id="busiest">Busiest Service ports</h2>
            ${busiestView(busiest)}
          </section>
          <section aria-labelledby="changes">
            <h2 id="changes">Changed last</h2>
            ${changesView(changes, at)}
          </section>
        </div>
      </main>
      <footer class="quiet">
        Read only. The same as JSON: <a href="/status.json">status.json</a>; in a terminal:
        <code>nftproxy status</code>. Objects at fault: <code>kubectl get events -A --field-selector type=Warning</code>
      </footer>`,
  );
}

function verdictOf({ configs }: Overview): { good: boolean; text: string } {
  const waiting = configs.filter(({ ready }) => !ready).map(({ name }) => name);
  if (configs.length === 0) return { good: false, text: 'There is no ProxyConfig' };
  if (waiting.length === 0)
    return {
      good: true,
      text: configs.length === 1 ? `${configs[0]?.name ?? ''} is Ready` : 'All ProxyConfigs are Ready',
    };
  return { good: false, text: `Not Ready: ${waiting.slice(0, 5).join(', ')}${waiting.length > 5 ? ' …' : ''}` };
}

function tellerView({ identity, leader }: Teller): Html {
  if (leader === undefined) return html`${badge('waiting', 'no operator leads')} shown by ${identity}`;
  return leader === identity ? html`${identity} leads` : html`${leader} leads, ${identity} stands by`;
}

/** The page while nothing can be shown. */
export function troubleView(trouble: string): string {
  return documentOf(
    'Nothing to show',
    html`<header>
        <p class="brand">nftproxy</p>
        <h1 class="bad">Nothing to show</h1>
      </header>
      <main>
        <p class="trouble"><bdi>${trouble}</bdi></p>
        <p class="quiet">The page tries again by itself.</p>
      </main>`,
  );
}

function documentOf(title: string, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title} · nftproxy</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="stylesheet" href="/style.css" />
        <script src="/refresh.js" defer></script>
      </head>
      <body>
        ${body}
      </body>
    </html> `.text;
}
