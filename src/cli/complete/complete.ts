export function runComplete(): void {}
