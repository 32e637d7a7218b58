import { NixpushError } from '../base/errors.ts';
import type { BaseTree } from '../layers/base-tree.ts';
import type { EntryOwner } from '../layers/content.ts';
import { accountsIn, lineOf, mergedText, type Account } from './account-lines.ts';
import type { DefinedGroup, DefinedUser, ImageDefinition } from './image-definition.ts';

/** Whom every system has: those of nixpkgs' fakeNss. */
const USERS: Readonly<Record<string, DefinedUser>> = {
  root: { uid: 0, group: 'root', description: 'root user' },
  nobody: { uid: 65_534, group: 'nobody', description: 'nobody' },
};
const GROUPS: Readonly<Record<string, DefinedGroup>> = { root: { gid: 0 }, nobody: { gid: 65_534 } };
export const NO_HOME = '/var/empty';

/** The users and groups of a definition, with those of the base image, or else root and nobody. */
export class Accounts {
  /** Whether the definition has any: then the image gets the files that name them. */
  readonly declared: boolean;
  readonly #base: BaseTree | undefined;
  readonly #users: readonly Account[];
  readonly #groups: readonly Account[];
  readonly #ourUsers: Readonly<Record<string, DefinedUser>>;
  readonly #ourGroups: Readonly<Record<string, DefinedGroup>>;
  readonly #file: string;

  /** `file` names the definition. Throws ERR_FORMAT for a user whose group is not there, and for numbers given twice. */
  constructor(definition: ImageDefinition, file: string, base?: BaseTree) {
    const { users, groups } = definition;
    this.#file = file;
    this.#base = base;
    this.declared = users !== undefined || groups !== undefined;
    const [basePasswd, baseGroup] = ['/etc/passwd', '/etc/group'].map((path) => base?.textAt(path));
    this.#ourGroups = { ...(baseGroup === undefined && GROUPS), ...groups };
    this.#ourUsers = { ...(basePasswd === undefined && USERS), ...users };
    this.#groups = this.#withOurs('groups', baseGroup, Object.entries(this.#ourGroups), ([, { gid }]) => gid);
    this.#users = this.#withOurs('users', basePasswd, Object.entries(this.#ourUsers), ([, { uid }]) => uid);
    for (const [name, user] of Object.entries(this.#ourUsers)) this.#gidOf(name, user);
    for (const [name, { members = [] }] of Object.entries(this.#ourGroups))
      for (const [at, member] of members.entries())
        if (!this.#users.some((user) => user.name === member))
          throw this.#unknown(`groups.${name}.members[${at}]`, 'user', member);
  }

  /** `USER[:GROUP]`, names or numbers; a user alone brings its group along. Throws ERR_FORMAT, naming `where`. */
  owner(text: string, where: string): EntryOwner {
    const [userText = '', groupText] = text.split(':');
    const user = this.#users.find(({ name, number }) => name === userText || String(number) === userText);
    const uid = user?.number ?? numberIn(userText);
    if (uid === undefined) throw this.#unknown(where, 'user', userText);
    const gid = groupText === undefined ? (this.#mainGroup(user) ?? uid) : this.#gid(groupText);
    if (gid === undefined) throw this.#unknown(where, 'group', groupText!);
    const gname = this.#groups.find(({ number }) => number === gid)?.name;
    return {
      uid,
      gid,
      ...(user !== undefined && { uname: user.name }),
      ...(gname !== undefined && { gname }),
    };
  }

  /** Of the users that we add. */
  get homes(): readonly string[] {
    return Object.values(this.#ourUsers).map(({ home = NO_HOME }) => home);
  }

  /**
   * passwd(5), group(5), shadow(5) and nsswitch.conf(5), by path: what the base image has, and ours. Nobody of ours has
   * a password, so nobody can log in with one.
   */
  files(): Record<string, { text: string; mode: number }> {
    const users = byNumber(Object.entries(this.#ourUsers), ([, { uid }]) => uid);
    const groups = byNumber(Object.entries(this.#ourGroups), ([, { gid }]) => gid);
    const text = (path: string, ours: readonly string[]): string =>
      mergedText(this.#base?.textAt(path), ours);
    const hasServices = this.#base?.at('/etc/nsswitch.conf') !== undefined;
    return {
      '/etc/group': {
        text: text(
          '/etc/group',
          groups.map(([name, { gid, members = [] }]) => lineOf(name, 'x', gid, members.join(','))),
        ),
        mode: 0o644,
      },
      ...(!hasServices && {
        '/etc/nsswitch.conf': {
          text: 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n',
          mode: 0o644,
        },
      }),
      '/etc/passwd': {
        text: text(
          '/etc/passwd',
          users.map(([name, user]) => this.#passwdLine(name, user)),
        ),
        mode: 0o644,
      },
      '/etc/shadow': {
        text: text(
          '/etc/shadow',
          users.map(([name]) => `${name}:!:1::::::`),
        ),
        mode: 0o600,
      },
    };
  }

  #passwdLine(name: string, user: DefinedUser): string {
    const { uid, description = '', home = NO_HOME, shell = '/bin/sh' } = user;
    return lineOf(name, 'x', uid, this.#gidOf(name, user), description, home, shell);
  }

  #mainGroup(user: Account | undefined): number | undefined {
    if (user === undefined) return undefined;
    const ours = this.#ourUsers[user.name];
    return ours === undefined ? user.group : this.#gidOf(user.name, ours);
  }

  #gidOf(name: string, { group = name }: DefinedUser): number {
    const gid = this.#gid(group);
    if (gid !== undefined) return gid;
    throw new NixpushError(
      'ERR_FORMAT',
      `${this.#file}: users.${name} is in the group ${group}, which is not there`,
      {
        path: this.#file,
        hint: `Add it: "groups": {"${group}": {"gid": …}}, or name another one as users.${name}.group.`,
      },
    );
  }

  #gid(group: string): number | undefined {
    return this.#groups.find(({ name }) => name === group)?.number ?? numberIn(group);
  }

  /** Ours go before those of the base. Throws where one of ours has the number of another one. */
  #withOurs<T>(
    kind: 'users' | 'groups',
    base: string | undefined,
    entries: readonly [string, T][],
    numberOf: (entry: [string, T]) => number,
  ): Account[] {
    const ours = entries.map((entry) => ({ name: entry[0], number: numberOf(entry) }));
    const theirs = accountsIn(base ?? '').filter(({ name }) => !ours.some((each) => each.name === name));
    for (const [at, { name, number }] of ours.entries()) {
      const other = [...theirs, ...ours.slice(0, at)].find((each) => each.number === number);
      if (other !== undefined)
        throw new NixpushError(
          'ERR_FORMAT',
          `${this.#file}: ${kind}.${name} has the number ${number} of ${other.name}`,
          { path: this.#file },
        );
    }
    return [...theirs, ...ours];
  }

  #unknown(where: string, kind: 'user' | 'group', name: string): NixpushError {
    return new NixpushError('ERR_FORMAT', `${this.#file}: ${where}: there is no ${kind} ${name}`, {
      path: this.#file,
      hint: `Add it to ${kind}s, or write its number.`,
    });
  }
}

function numberIn(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function byNumber<T>(items: readonly T[], number: (item: T) => number): T[] {
  return items.toSorted((a, b) => number(a) - number(b));
}
