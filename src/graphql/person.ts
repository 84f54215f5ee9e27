/** People with roles in a project, and the person who calls. */
import type { ObjectRef } from '@pothos/core'
import type { Member, PersonProject } from '../domain/person.ts'
import { CarillonError } from '../errors.ts'
import { type Role, roles } from '../words.ts'
import { byOf, projectOf } from './access.ts'
import type { Builder, SchemaTypes } from './builder.ts'
import type { createConnections } from './connection.ts'
import type { Caller, Context } from './context.ts'
import { valuesOf } from './enums.ts'

const roleTexts = {
  viewer: 'Reads everything.',
  sender: 'Also sends, cancels and resends.',
  editor: 'Also changes what is configured, and erases contacts.',
  admin: 'Also manages API keys, and who has a role.',
} satisfies Record<Role, string>

type ProjectCaller = Extract<Caller, { kind: 'project' }>

/** The caller, who has to be a project's. */
function projectCaller(context: Context): ProjectCaller {
  projectOf(context)
  if (context.caller.kind !== 'project') throw new CarillonError('FORBIDDEN')
  return context.caller
}

/** Defines people, their roles, and what `viewer` says of the one who calls. */
export function definePeople(
  builder: Builder,
  Viewer: ObjectRef<SchemaTypes, Caller>,
  connections: ReturnType<typeof createConnections>,
) {
  const values = valuesOf(roles, roleTexts)
  const RoleType = builder.enumType('Role', {
    description: 'What a person may do in a project. Each role includes those before it.',
    values: {
      VIEWER: values.viewer,
      SENDER: values.sender,
      EDITOR: values.editor,
      ADMIN: values.admin,
    },
  })
  const RoleSource = builder.enumType('RoleSource', {
    description: 'Where a role comes from.',
    values: valuesOf(['CLAIM', 'GRANT'] as const, {
      CLAIM: 'A claim of the identity provider, as it was at the last sign-in.',
      GRANT: '`grantRole`.',
    }),
  })

  const Person = builder.objectRef<Member>('Person').implement({
    description: 'A person with a role in the project, or one who will have it with the first sign-in.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id, for `grantRole` and `revokeRole`.' }),
      email: t.exposeString('email', {
        nullable: true,
        description: 'E-mail address, as the identity provider has it, or as the role was granted to it; null: not known.',
      }),
      isEmailVerified: t.exposeBoolean('isEmailVerified', {
        description: 'Whether the identity provider says that the address belongs to the person.',
      }),
      name: t.exposeString('name', { nullable: true, description: 'Name, as the identity provider has it; null: not known.' }),
      hasSignedIn: t.exposeBoolean('hasSignedIn', {
        description: 'false: the role waits for the first sign-in with this e-mail address, verified.',
      }),
      role: t.expose('role', { type: RoleType, description: 'The role: of a claim and a grant, the higher one.' }),
      maskPersonalData: t.exposeBoolean('maskPersonalData', {
        description: 'Whether addresses, names and contents of messages are masked for this person.',
      }),
      sources: t.field({
        type: [RoleSource],
        description: 'Where the role comes from.',
        resolve: ({ sources }) => [...sources],
      }),
      grantedBy: t.exposeString('grantedBy', { nullable: true, description: 'Who granted it; null: it is from a claim alone.' }),
      grantedAt: t.expose('grantedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When it was granted; null: it is from a claim alone.',
      }),
      lastSeenAt: t.expose('lastSeenAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When the person was last here, to the minute; null: never.',
      }),
    }),
  })
  const PersonConnection = connections.of('Person', Person)

  builder.queryFields((t) => ({
    people: t.field({
      type: PersonConnection,
      description:
        'People with a role in the project, and those whose role waits for their first sign-in, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: connections.args,
      resolve: (_root, page, context) => context.carillon.people.list(projectOf(context), page),
    }),
  }))

  builder.mutationFields((t) => ({
    grantRole: t.field({
      type: Person,
      description:
        'Grants a role in the project, in place of the one that was granted before. Takes either `person` or `email`. A grant to an address that ' +
        'nobody has signed in with waits for the first sign-in with it, verified. Open WebSockets of the person are closed (4403) within 2 ' +
        'seconds, and come back with the new role. At most 1,000 in a project. Errors: BAD_INPUT, ADDRESS_INVALID, NOT_FOUND; FORBIDDEN for a ' +
        'role whose scopes your own credential does not have.',
      args: {
        person: t.arg.id({ description: 'Id of the person, as `people` has it.' }),
        email: t.arg.string({ description: 'E-mail address of the person.' }),
        role: t.arg({ type: RoleType, required: true, description: 'The role.' }),
        maskPersonalData: t.arg.boolean({
          defaultValue: false,
          description:
            'Masks addresses, names and contents of messages for this person, who then has neither the scope `keys` nor searches by address.',
        }),
      },
      resolve: (_root, { person, email, role, maskPersonalData }, context) =>
        context.carillon.people.grant(
          projectCaller(context),
          { person: person ?? null, email: email ?? null, role, maskPersonalData: maskPersonalData ?? false },
          byOf(context),
        ),
    }),
    revokeRole: t.field({
      type: Person,
      description:
        'Takes the role of a person away, the last admin and yourself included: API keys and the operator remain. Requests are refused at once, ' +
        'open WebSockets are closed (4403) within 2 seconds. A claim that still gives a role gives it again with the next sign-in. Returns what it ' +
        'was. Errors: NOT_FOUND.',
      args: { person: t.arg.id({ required: true, description: 'Id of the person, as `people` has it.' }) },
      resolve: (_root, { person }, context) => context.carillon.people.revoke(projectOf(context), person, byOf(context)),
    }),
  }))

  const ViewerProject = builder.objectRef<PersonProject>('ViewerProject').implement({
    description: 'A project in which the person has a role.',
    fields: (t) => ({
      key: t.exposeID('key', { description: 'Its key: what the header `x-carillon-project` takes.' }),
      name: t.exposeString('name', { description: 'Display name.' }),
      role: t.expose('role', { type: RoleType, description: 'The role.' }),
      maskPersonalData: t.exposeBoolean('maskPersonalData', { description: 'Whether personal data is masked there.' }),
    }),
  })
  const ViewerPerson = builder.objectRef<ProjectCaller['who'] & { kind: 'person' }>('ViewerPerson').implement({
    description: 'A person who is signed in.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id on this server.' }),
      email: t.exposeString('email', { nullable: true, description: 'E-mail address; null: not known.' }),
      name: t.exposeString('name', { nullable: true, description: 'Name; null: not known.' }),
      role: t.expose('role', { type: RoleType, description: 'The role in the project of this request.' }),
      projects: t.field({
        type: [ViewerProject],
        description: 'All projects in which the person has a role, by key, at most 500.',
        resolve: async ({ id }, _args, { carillon }) => [...((await carillon.people.projectsOf(id))?.projects ?? [])],
      }),
    }),
  })
  builder.objectFields(Viewer, (t) => ({
    person: t.field({
      type: ViewerPerson,
      nullable: true,
      description: 'The person, if it is the session of one.',
      resolve: (caller) => (caller.kind === 'project' && caller.who.kind === 'person' ? caller.who : null),
    }),
    maskPersonalData: t.boolean({
      description: 'Whether addresses, names and contents of messages are masked.',
      resolve: (caller) => caller.kind === 'project' && caller.maskPersonalData,
    }),
  }))
}
