import { NixpushError } from '../base/errors.ts';
import type { EntryOwner } from '../layers/content.ts';
import type { DefinedGroup, DefinedUser, ImageDefinition } from './image-definition.ts';

interface User extends DefinedUser {
  readonly name: string;
  readonly gid: number;
}

/** Whom every system has: those of nixpkgs' fakeNss. */
const USERS: Readonly<Record<string, DefinedUser>> = {
  root: { uid: 0, group: 'root', description: 'root user' },
  nobody: { uid: 65_534, group: 'nobody', description: 'nobody' },
};
const GROUPS: Readonly<Record<string, DefinedGroup>> = { root: { gid: 0 }, nobody: { gid: 65_534 } };
export const NO_HOME = '/var/empty';

/** The users and groups of a definition, with root and nobody. */
export class Accounts {
  /** Whether the definition has any: then the image gets the files that name them. */
  readonly declared: boolean;
  readonly #users: readonly User[];
  readonly #groups: ReadonlyMap<string, DefinedGroup>;
  readonly #file: string;

  /** `file` names the definition. Throws ERR_FORMAT for a user whose group is not there, and for numbers given twice. */
  constructor({ users = {}, groups = {} }: ImageDefinition, file: string) {
    this.#file = file;
    this.declared = Object.keys(users).length + Object.keys(groups).length > 0;
    this.#groups = new Map(Object.entries({ ...GROUPS, ...groups }).sort(byNumber(([, { gid }]) => gid)));
    this.#users = Object.entries({ ...USERS, ...users })
      .map(([name, user]) => ({ ...user, name, gid: this.#gidOf(name, user) }))
      .sort(byNumber(({ uid }) => uid));
    this.#checkTwice(
      'users',
      this.#users.map(({ name, uid }) => [name, uid] as const),
    );
    this.#checkTwice(
      'groups',
      [...this.#groups].map(([name, { gid }]) => [name, gid] as const),
    );
    for (const [name, { members = [] }] of this.#groups)
      for (const [at, member] of members.entries())
        this.#checkMember(member, `groups.${name}.members[${at}]`);
  }

  /** `USER[:GROUP]`, names or numbers; a user alone brings its group along. Throws ERR_FORMAT, naming `where`. */
  owner(text: string, where: string): EntryOwner {
    const [userText = '', groupText] = text.split(':');
    const user = this.#users.find(({ name, uid }) => name === userText || String(uid) === userText);
    const uid = user?.uid ?? numberIn(userText);
    if (uid === undefined) throw this.#unknown(where, 'user', userText);
    const gid = groupText === undefined ? (user?.gid ?? uid) : this.#gid(groupText);
    if (gid === undefined) throw this.#unknown(where, 'group', groupText!);
    const gname = [...this.#groups].find(([, group]) => group.gid === gid)?.[0];
    return {
      uid,
      gid,
      ...(user !== undefined && { uname: user.name }),
      ...(gname !== undefined && { gname }),
    };
  }

  get homes(): readonly string[] {
    return this.#users.map(({ home = NO_HOME }) => home);
  }

  /** passwd(5), group(5), shadow(5) and nsswitch.conf(5), by path. Nobody has a password, so nobody can log in with one. */
  files(): Record<string, { text: string; mode: number }> {
    const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');
    return {
      '/etc/group': {
        text: lines(
          [...this.#groups].map(([name, { gid, members = [] }]) => `${name}:x:${gid}:${members.join(',')}`),
        ),
        mode: 0o644,
      },
      '/etc/nsswitch.conf': {
        text: 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n',
        mode: 0o644,
      },
      '/etc/passwd': { text: lines(this.#users.map(passwdLine)), mode: 0o644 },
      '/etc/shadow': { text: lines(this.#users.map(({ name }) => `${name}:!:1::::::`)), mode: 0o600 },
    };
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
    return this.#groups.get(group)?.gid ?? numberIn(group);
  }

  #checkTwice(kind: 'users' | 'groups', numbers: readonly (readonly [name: string, number: number])[]): void {
    const names = new Map<number, string>();
    for (const [name, number] of numbers) {
      const other = names.get(number);
      if (other !== undefined)
        throw new NixpushError(
          'ERR_FORMAT',
          `${this.#file}: ${kind}.${name} has the number ${number} of ${other}`,
          {
            path: this.#file,
          },
        );
      names.set(number, name);
    }
  }

  #checkMember(member: string, where: string): void {
    if (!this.#users.some(({ name }) => name === member)) throw this.#unknown(where, 'user', member);
  }

  #unknown(where: string, kind: 'user' | 'group', name: string): NixpushError {
    return new NixpushError('ERR_FORMAT', `${this.#file}: ${where}: there is no ${kind} ${name}`, {
      path: this.#file,
      hint: `Add it to ${kind}s, or write its number.`,
    });
  }
}

function passwdLine({ name, uid, gid, description = '', home = NO_HOME, shell = '/bin/sh' }: User): string {
  return [name, 'x', uid, gid, description, home, shell].join(':');
}

function numberIn(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function byNumber<T>(number: (item: T) => number): (a: T, b: T) => number {
  return (a, b) => number(a) - number(b);
}
