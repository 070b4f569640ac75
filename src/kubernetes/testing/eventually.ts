/** How long to ask, and when to give up earlier. */
export interface Patience {
  /** Until it is too late; 30 if left out, and more on emulated machines. */
  readonly seconds?: number;
  /** Between two looks, at least; 5 if left out. */
  readonly milliseconds?: number;
  /** Whether waiting has become pointless. */
  readonly hopeless?: () => boolean;
  /** Added to what is thrown: what somebody who looks for the reason wants to read. */
  readonly evidence?: () => string;
}

/** `npm run test:kernels` asks for more: emulated machines get less done in a second. */
const factor = Number(process.env['NFTPROXY_TEST_PATIENCE'] ?? 1);
const usualPatience = { seconds: 30 * factor, milliseconds: 5, hopeless: () => false, evidence: () => '' };

/**
 * Asks again and again until the answer is neither false nor undefined, and gives it. An error counts as a no.
 * @throws Error with the description, and the last error of asking, when the answer does not come.
 */
export async function eventually<Answer>(
  description: string,
  ask: () => Answer | Promise<Answer>,
  patience: Patience = {},
): Promise<Exclude<Answer, false | undefined>> {
  const { seconds, milliseconds, hopeless, evidence } = { ...usualPatience, ...patience };
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const askedAt = performance.now();
    const { answer, error } = await attempt(ask);
    if (answer !== false && answer !== undefined) return answer as Exclude<Answer, false | undefined>;
    const late = performance.now() > deadline;
    if (late || hopeless()) {
      const given = late ? `waited ${seconds} s in vain` : 'it is hopeless to wait';
      throw new Error(`${given} for ${description}${error}${evidence()}`);
    }
    // What takes long to ask (it starts a process) is asked less often, so that what is waited for gets on.
    const pause = Math.max(milliseconds, Math.min(1000, 3 * (performance.now() - askedAt)));
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** One look: the answer, or how asking failed. */
async function attempt<Answer>(ask: () => Answer | Promise<Answer>): Promise<{ answer?: Answer; error: string }> {
  try {
    return { answer: await ask(), error: '' };
  } catch (error) {
    return { error: `; last error: ${error instanceof Error ? error.message : String(error)}` };
  }
}
