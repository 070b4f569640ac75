/**
 * The library's Operator reads a kubeconfig in its constructor, always the default one, and throws when that is
 * broken, although nothing of ours goes through it. So that an explicit --kubeconfig decides alone, $KUBECONFIG says
 * the same while the object is made.
 */
export function constructWithKubeconfig<T>(kubeconfig: string | undefined, make: () => T): T {
  if (kubeconfig === undefined) return make();
  const before = process.env['KUBECONFIG'];
  process.env['KUBECONFIG'] = kubeconfig;
  try {
    return make();
  } finally {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
  }
}
