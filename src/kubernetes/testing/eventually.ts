/** Waits until `condition` holds; throws with its description after `seconds`. */
export async function eventually(description: string, condition: () => boolean, seconds = 20): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${description}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
