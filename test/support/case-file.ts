/** The format of test/extensions/cases/NAME.json. Every other key and value is refused. */
import * as z from 'zod'
import { TABLES, type TableName } from '../../src/abi/netfilter'
import { parseJson } from '../../src/json'

const families = z.array(z.enum(['ipv4', 'ipv6'])).min(1)
const lines = z.array(z.string()).readonly()

const groupSchema = z.strictObject({
  families,
  table: z.enum(Object.keys(TABLES) as TableName[]),
  /** Commands to run before the lines: `ipset create …`, `nfacct add …`, or arguments for iptables. */
  setup: lines,
  accepted: lines,
  refused: lines,
  /** Whether kernels may lack the extension. The lines were then captured with scripts/stand-in.c in place of the kernel. */
  lacking: z.boolean().exactOptional(),
  /** Whether lines refer to users and groups by number, which not every user namespace maps. */
  ids: z.boolean().exactOptional(),
  /** A path that is required to test the lines, in addition to the extension, such as that of a program in `setup`. */
  needs: z.string().exactOptional(),
})

/** A payload that iptables-legacy does not write, or not on every machine: an older revision, an odd value. */
const payloadSchema = z.strictObject({
  kind: z.enum(['match', 'target']),
  families,
  revision: z.int().min(0),
  /** In hexadecimal. */
  bytes: z.string(),
  /** Its options as they are printed; left out for what cannot be read. */
  text: z.string().exactOptional(),
  /** What a numeric listing says of it. */
  listed: z.string().exactOptional(),
})

/** See deviations.ts. */
const deviationSchema = z.strictObject({
  /** What is different: what we print; that we refuse, or accept, the line; what we put into the kernel; what we list. */
  what: z.enum(['text', 'refused', 'accepted', 'bytes', 'listed']),
  /** A regular expression. */
  lines: z.string(),
  why: z.string(),
})

const fileSchema = z.strictObject({
  extension: z.string(),
  groups: z.array(groupSchema),
  payloads: z.array(payloadSchema).exactOptional(),
  deviations: z.array(deviationSchema).exactOptional(),
})

export type Group = z.infer<typeof groupSchema>
export type CaseDeviation = z.infer<typeof deviationSchema>
export type CaseFile = z.infer<typeof fileSchema>

/**
 * @param name the file name without `.json`, which is the name of the extension
 * @throws Error that names the file, the key and what would be accepted
 */
export function parseCaseFile(text: string, name: string): CaseFile {
  const path = `test/extensions/cases/${name}.json`
  const { data, error } = fileSchema.safeParse(parseJson(text, path))
  if (error !== undefined) throw new Error(`${path}:\n${z.prettifyError(error)}`)
  if (data.extension !== name) throw new Error(`${path}: "extension" is "${data.extension}"; it must be "${name}"`)
  return data
}
