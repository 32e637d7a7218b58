/** Paths are written as paths: `./result`, `/nix/store/…`, `.#hello`. All else names an image. */
export function namesPath(text: string): boolean {
  return /^(\.{0,2}\/|\.{1,2}$)/.test(text) || text.includes('#');
}
