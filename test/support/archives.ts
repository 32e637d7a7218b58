import { sha256, type Digest } from '../../src/base/digest.ts';

export interface RawMember {
  readonly name: string;
  readonly content?: Uint8Array | string;
  /** One letter. Default `0`, a file. */
  readonly type?: string;
  readonly link?: string;
  /** What the header says in place of the content's length. */
  readonly size?: number;
}

/** A tar of just these members, whatever they are: no writer would make the hostile ones. */
export function rawTar(members: readonly RawMember[], end: Uint8Array = Buffer.alloc(1024)): Buffer {
  return Buffer.concat([...members.flatMap(rawMember), end]);
}

function rawMember({ name, content = '', type = '0', link = '', size }: RawMember): Buffer[] {
  const bytes = Buffer.from(content as string);
  const header = Buffer.alloc(512);
  const octal = (value: number): string => value.toString(8).padStart(11, '0');
  header.write(name, 0, 100);
  header.write('0000644\u00000000000\u00000000000\0', 100);
  header.write(`${octal(size ?? bytes.length)}\0${octal(0)}\0        ${type}`, 124);
  header.write(link, 157, 100);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
}

export interface PlainImage {
  readonly config: Buffer;
  /** As `<hex>.json` has it. */
  readonly configHex: string;
  /** Tars, lowest first. */
  readonly layers: readonly Buffer[];
  readonly diffIds: readonly Digest[];
}

/** An image of layers with a file each. */
export function plainImage(...texts: string[]): PlainImage {
  const layers = texts.map((text, at) => rawTar([{ name: `file-${at}`, content: text }]));
  const diffIds = layers.map((layer) => sha256(layer));
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: diffIds },
    }),
  );
  return { config, configHex: sha256(config).slice('sha256:'.length), layers, diffIds };
}

/** The members of an archive as dockerTools' streamLayeredImage writes it: layers first, manifest.json last. */
export function streamedMembers(
  { config, configHex, layers, diffIds }: PlainImage,
  names: string[],
): RawMember[] {
  const layerNames = diffIds.map((diffId) => `${diffId.slice('sha256:'.length)}/layer.tar`);
  return [
    ...layers.map((content, at) => ({ name: layerNames[at]!, content })),
    { name: `${configHex}.json`, content: config },
    {
      name: 'manifest.json',
      content: JSON.stringify([{ Config: `${configHex}.json`, RepoTags: names, Layers: layerNames }]),
    },
  ];
}
