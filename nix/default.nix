# Image definitions out of Nix expressions. Nothing of nixpkgs is needed, and nothing of nixpush either before the push.
#
#   let nixpush = import ./nix { }; in nixpush.image { name = "hello"; contents = [ hello ]; }
{
  # To take the two below from, if there is one.
  pkgs ? null,
  # Where definitions are built. The image's platform is an argument of `image`.
  system ? if pkgs == null then builtins.currentSystem else pkgs.stdenv.hostPlatform.system,
  # A POSIX shell: all that building takes.
  shell ? if pkgs == null then "/bin/sh" else pkgs.runtimeShell,
  # The package that `.push` runs; without it, whatever `nixpush` is on PATH.
  nixpush ? null,
}:
{
  image = import ./image.nix { inherit system shell nixpush; };
}
