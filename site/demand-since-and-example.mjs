/**
 * A plugin of typedoc: every name that the package exports says since when it is there, and every function and class shows how it
 * is used. What lacks either is a warning, and so an error.
 */
import { Application, ReflectionKind } from 'typedoc'

const SHOWN = ReflectionKind.Function | ReflectionKind.Class

/** Of a function, those of its signatures, of which one may speak for all. */
const commentsOf = ({ comment, signatures = [] }) => [comment, ...signatures.map((one) => one.comment)]

const has = (reflection, tag) => commentsOf(reflection).some((comment) => comment?.getTag(tag) !== undefined)

/** @returns {import('typedoc').DeclarationReflection[]} what is exported, by itself or within a namespace */
const exported = (container) =>
  container.children.flatMap((one) => (one.kind === ReflectionKind.Namespace ? [one, ...exported(one)] : [one]))

/** @param {Application} app */
export function load(app) {
  app.on(Application.EVENT_VALIDATE_PROJECT, (project) => {
    for (const one of exported(project)) {
      if (!has(one, '@since')) app.logger.warn(`${one.getFullName()} does not say @since`)
      if (one.kindOf(SHOWN) && !has(one, '@example')) app.logger.warn(`${one.getFullName()} has no @example`)
    }
  })
}
