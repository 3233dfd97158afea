//! Everyone below a group, whatever the shape: chains, diamonds, cycles.

/// The people of a group and of every group below it, in order, each once. `direct` holds the people and `below` the nested
/// groups of each group; a cycle is cut where it closes.
pub(super) fn expand(group: usize, direct: &[&[u32]], below: &[Vec<u32>]) -> Vec<u32> {
    if below[group].is_empty() {
        return direct[group].to_vec();
    }
    let mut visited = vec![false; direct.len()];
    let mut open = vec![group];
    let mut people = Vec::new();
    // A list and not recursion: a chain as deep as the directory is large must not overflow the stack.
    while let Some(next) = open.pop() {
        if std::mem::replace(&mut visited[next], true) {
            continue;
        }
        people.extend_from_slice(direct[next]);
        open.extend(below[next].iter().map(|nested| *nested as usize));
    }
    people.sort_unstable();
    people.dedup();
    people
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn cycles_diamonds_and_chains_give_everyone_once() {
        // 0 -> 1 -> 0 (a cycle); 2 -> 3, 4 -> 5 (a diamond).
        let direct: [&[u32]; 6] = [&[1], &[2], &[], &[3], &[3, 4], &[5]];
        let below = [vec![1], vec![0], vec![3, 4], vec![5], vec![5], vec![]];
        let people = |group| expand(group, &direct, &below);
        assert_eq!(people(0), [1, 2]);
        assert_eq!(people(1), [1, 2]);
        assert_eq!(people(2), [3, 4, 5]);
        assert_eq!(people(5), [5]);
    }

    #[test]
    fn a_chain_of_ten_thousand_groups_is_followed_to_its_end() {
        let people: Vec<[u32; 1]> = (0..10_000).map(|number| [number]).collect();
        let direct: Vec<&[u32]> = people.iter().map(<[u32; 1]>::as_slice).collect();
        let below: Vec<Vec<u32>> = (1..=10_000)
            .map(|next| if next < 10_000 { vec![next] } else { vec![] })
            .collect();
        assert_eq!(expand(0, &direct, &below).len(), 10_000);
    }
}
