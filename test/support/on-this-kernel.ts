/** What captures are written by. */
import { release } from 'node:os'

/** The tools with their versions, and the kernel's release without the name of its build. */
export const onThisKernel = (tools: string): string => `${tools}, Linux ${release().split('-')[0]}`
