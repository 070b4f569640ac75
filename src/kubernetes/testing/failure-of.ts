/** What a promise rejects with; throws if it does not. */
export async function failureOf(action: Promise<unknown>): Promise<Error> {
  return action.then(
    () => {
      throw new Error('should have failed');
    },
    (error: unknown) => error as Error,
  );
}
