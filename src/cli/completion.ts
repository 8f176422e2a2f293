/** Scripts. */
export function runCompletion(): void {}
