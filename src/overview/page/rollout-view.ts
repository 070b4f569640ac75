import type { NodeCounts, RolloutPhase, RolloutStatus } from '../../api/index.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { ago, count } from './words.ts';

/** The stages of a rollout that goes well, and how far each phase is in them. */
const stages = ['Canary', 'Soaking', 'Rolling', 'Complete'] as const;
/** What phases beside them have become of, and whether nothing will happen by itself. */
const astray: Partial<Record<RolloutPhase, string>> = {
  Paused: 'Paused by its spec',
  RollingBack: 'Rolling back',
  RolledBack: 'Rolled back',
  Failed: 'Failed',
};

/** Where a rollout is: its stages, the present one marked; or what has become of it. */
export function stagesView({ phase, startedAt }: RolloutStatus, now: string): Html {
  const wrong = astray[phase];
  const at = stages.findIndex((stage) => stage === phase);
  const begun = html`<p class="quiet">rollout begun ${ago(startedAt, now)}</p>`;
  if (wrong !== undefined)
    return html`<p class="astray"><strong>${wrong}</strong></p>
      ${begun}`;
  const stage = (name: string, i: number): Html => {
    const isOver = i < at || phase === 'Complete';
    return html`<li
      class="${isOver ? 'over' : i === at ? 'present' : 'ahead'}"
      ${i === at ? html`aria-current="step"` : undefined}
    >
      ${name}
    </li>`;
  };
  return html`<ol class="stages" aria-label="Stages of the rollout">
      ${stages.map(stage)}
    </ol>
    ${begun}`;
}

/** The counts of a status as parts of a bar: what is ready first. */
const parts = [
  ['ready', 'good', 'ready'],
  ['pending', 'waiting', 'waited for'],
  ['failed', 'failing', 'failing'],
  ['silent', 'silent', 'silent'],
  ['ignored', 'ignored', 'not ready Nodes, left out'],
] as const;

const barWidth = 1000;

/** How many nodes are how far, as a bar and in numbers. */
export function countsView(nodes: NodeCounts): Html {
  const { matching, updated, uncovered } = nodes;
  let left = 0;
  const bars = parts.map(([name, look]) => {
    const width = matching === 0 ? 0 : (nodes[name] / matching) * barWidth;
    const bar = html`<rect class="${look}" x="${left.toFixed(1)}" width="${width.toFixed(1)}" height="14" />`;
    left += width;
    return width === 0 ? undefined : bar;
  });
  const told = parts
    .filter(([name]) => nodes[name] > 0)
    .map(([name, look, called]) => html`<li><i class="dot ${look}"></i>${count(nodes[name])} ${called}</li>`);
  const lost =
    uncovered === 0 ? undefined : html`<li><i class="dot uncovered"></i>${count(uncovered)} no longer selected</li>`;
  return html`<svg
      class="bar"
      viewBox="0 0 ${barWidth} 14"
      preserveAspectRatio="none"
      role="img"
      aria-label="${count(nodes.ready)} of ${count(matching)} nodes are ready"
    >
      <rect class="trough" width="${barWidth}" height="14" />
      ${bars}
    </svg>
    <p class="sum">
      <strong>${count(nodes.ready)}</strong> of ${count(matching)} nodes ready, ${count(updated)} told the current
      revision
    </p>
    <ul class="legend">
      ${told}${lost}
    </ul>`;
}
