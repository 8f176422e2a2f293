/**
 * A typedoc plugin: every exported name must have @since, and every function and class must have @example. A missing tag is
 * a warning, which typedoc.json turns into an error.
 */
import { Application, ReflectionKind } from 'typedoc'

const SHOWN = ReflectionKind.Function | ReflectionKind.Class

/** The comments of a name. A function has one for each signature; a tag in any of them is enough. */
const commentsOf = ({ comment, signatures = [] }) => [comment, ...signatures.map((one) => one.comment)]

const has = (reflection, tag) => commentsOf(reflection).some((comment) => comment?.getTag(tag) !== undefined)

/** @returns {import('typedoc').DeclarationReflection[]} all exports, including those in namespaces */
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
