"""The two layer planners, written plainly from their description, as an oracle for the fast ones.

Reads a JSON list of {"strategy", "budget", "graph": [{"path", "narSize", "references"}]} from standard input and
prints the list of plans; a plan is a list of layers, a layer a list of store paths.
"""

import json
import sys

sys.setrecursionlimit(100_000)


def split_name(path):
    hash_part, _, name = path.partition("-")
    return name, hash_part


def reachable(start, edges):
    found, todo = set(), [start]
    while todo:
        for target in edges[todo.pop()]:
            if target not in found:
                found.add(target)
                todo.append(target)
    return found - {start}


def auto(graph, budget):
    size = {node["path"]: node["narSize"] for node in graph}
    references = {node["path"]: node["references"] for node in graph}
    users = {path: [user for user in references if path in references[user]] for path in size}
    dependencies = {path: reachable(path, references) for path in size}
    dependents = {path: reachable(path, users) for path in size}

    split = {path: frozenset() for path in size}
    for primary in sorted(size, key=lambda path: (size[path], path), reverse=True):
        new = dict(split)
        new[primary] = frozenset([primary])
        for path in dependencies[primary]:
            owners = split[path] - dependents[primary]
            if owners.isdisjoint(dependencies[primary]):
                owners = owners | {primary}
            new[path] = owners
        if len(set(new.values())) > budget:
            break
        split = new

    layers = {}
    for path in sorted(size, key=split_name):
        layers.setdefault(split[path], []).append(path)

    def order(layer):
        closure = set(layer).union(*(dependencies[path] for path in layer))
        return sum(size[path] for path in closure), split_name(layer[0])

    return sorted(layers.values(), key=order)


def popularity(graph, budget):
    children = {node["path"]: [path for path in node["references"] if path != node["path"]] for node in graph}
    roots = [path for path in children if not any(path in others for others in children.values())]
    memo = {}

    def below(path):
        if path not in memo:
            memo[path] = contest(children[path])
        return memo[path]

    def contest(paths):
        score = {}
        for child in paths:
            score[child] = score.get(child, 0) + 1
            for path, count in below(child).items():
                score[path] = score.get(path, 0) + count + 1
        return score

    score = contest(roots)
    order = sorted(score, key=lambda path: (-score[path], "-".join(split_name(path))))
    layers = [[path] for path in order[: budget - 1]]
    rest = order[budget - 1 :]
    return layers + [rest] if rest else layers


PLANNERS = {"auto": auto, "popularity": popularity}
json.dump([PLANNERS[case["strategy"]](case["graph"], case["budget"]) for case in json.load(sys.stdin)], sys.stdout)
