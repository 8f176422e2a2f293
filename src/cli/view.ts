/** Reads the tables for the applets that show them: list, graph, top, metrics and ui. */
import type { FamilyName } from '../abi/family'
import type { TableSnapshot } from '../view/snapshot'
import { type SnapshotOptions, snapshot, snapshotAsync } from '../view/snapshot'
import { backendOf, type OpenKernel } from './open-kernel'

export interface TableValues {
  readonly table?: string[] | undefined
  readonly ipv4?: boolean | undefined
  readonly ipv6?: boolean | undefined
}

/** The selected families: both if neither or both options are given. */
const familiesOf = ({ ipv4 = false, ipv6 = false }: TableValues): readonly FamilyName[] =>
  ipv4 === ipv6 ? ['ipv4', 'ipv6'] : ipv4 ? ['ipv4'] : ['ipv6']

/** The tables of each family. The backend is detected for each family separately. */
const placesOf = (values: TableValues, open: OpenKernel): SnapshotOptions[] =>
  familiesOf(values).map((family) => ({
    ...{ ipv6: family === 'ipv6', kernel: open.kernel, backend: backendOf(open, family), tables: values.table },
  }))

export const readTables = (values: TableValues, open: OpenKernel): TableSnapshot[] =>
  placesOf(values, open).flatMap((place) => snapshot(place))

export async function readTablesAsync(values: TableValues, open: OpenKernel): Promise<TableSnapshot[]> {
  const all: TableSnapshot[] = []
  for (const place of placesOf(values, open)) all.push(...(await snapshotAsync(place)))
  return all
}
