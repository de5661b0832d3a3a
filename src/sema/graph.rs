//! Orders functions and constants so that each comes after all that it needs, and finds the cycles.

/// Who needs whom: the edges of node `i` are `edges[starts[i]..starts[i + 1]]`.
#[derive(Default)]
pub(super) struct Graph {
    starts: Vec<usize>,
    edges: Vec<u32>,
}

impl Graph {
    /// Begins the next node; the edges that follow are its own.
    pub fn begin(&mut self) {
        self.starts.push(self.edges.len());
    }

    /// The node begun last needs this one.
    pub fn edge(&mut self, to: u32) {
        self.edges.push(to);
    }

    fn edges(&self, node: u32) -> &[u32] {
        let node = node as usize;
        let end = self.starts.get(node + 1).copied().unwrap_or(self.edges.len());
        &self.edges[self.starts[node]..end]
    }

    /// The nodes in an order in which each group of nodes that reach each other follows all groups that it needs.
    pub fn order(&self) -> Order {
        Tarjan::new(self).run()
    }
}

/// The result of [`Graph::order`].
pub(super) struct Order {
    /// All nodes.
    pub nodes: Vec<u32>,
    /// Whether each node reaches itself.
    pub cyclic: Vec<bool>,
}

const UNSEEN: u32 = u32::MAX;

/// Tarjan's strongly connected components with its own stack.
struct Tarjan<'g> {
    graph: &'g Graph,
    index: Vec<u32>,
    low: Vec<u32>,
    on_stack: Vec<bool>,
    stack: Vec<u32>,
    next: u32,
    order: Order,
}

impl<'g> Tarjan<'g> {
    fn new(graph: &'g Graph) -> Tarjan<'g> {
        let n = graph.starts.len();
        Tarjan {
            graph,
            index: vec![UNSEEN; n],
            low: vec![0; n],
            on_stack: vec![false; n],
            stack: Vec::new(),
            next: 0,
            order: Order { nodes: Vec::with_capacity(n), cyclic: vec![false; n] },
        }
    }

    fn run(mut self) -> Order {
        for root in 0..self.index.len() as u32 {
            if self.index[root as usize] == UNSEEN {
                self.visit(root);
            }
        }
        self.order
    }

    fn enter(&mut self, node: u32) {
        self.index[node as usize] = self.next;
        self.low[node as usize] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.on_stack[node as usize] = true;
    }

    fn visit(&mut self, root: u32) {
        self.enter(root);
        let mut path: Vec<(u32, usize)> = vec![(root, 0)];
        while let Some((node, edge)) = path.last_mut() {
            let node = *node;
            let Some(&to) = self.graph.edges(node).get(*edge) else {
                path.pop();
                self.leave(node);
                if let Some(&(parent, _)) = path.last() {
                    self.low[parent as usize] = self.low[parent as usize].min(self.low[node as usize]);
                }
                continue;
            };
            *edge += 1;
            if to == node {
                self.order.cyclic[node as usize] = true;
            }
            if self.index[to as usize] == UNSEEN {
                self.enter(to);
                path.push((to, 0));
            } else if self.on_stack[to as usize] {
                self.low[node as usize] = self.low[node as usize].min(self.index[to as usize]);
            }
        }
    }

    /// Pops a finished group.
    fn leave(&mut self, node: u32) {
        if self.low[node as usize] != self.index[node as usize] {
            return;
        }
        let alone = self.stack.last() == Some(&node);
        while let Some(member) = self.stack.pop() {
            self.on_stack[member as usize] = false;
            self.order.cyclic[member as usize] |= !alone;
            self.order.nodes.push(member);
            if member == node {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(edges: &[&[u32]]) -> Order {
        let mut graph = Graph::default();
        for node in edges {
            graph.begin();
            node.iter().for_each(|&to| graph.edge(to));
        }
        graph.order()
    }

    #[test]
    fn needed_nodes_come_first() {
        let order = order(&[&[1, 2], &[2], &[]]);
        assert_eq!(order.nodes, [2, 1, 0]);
        assert_eq!(order.cyclic, [false, false, false]);
    }

    #[test]
    fn cycles_are_found() {
        let order = order(&[&[1], &[2], &[1, 3], &[], &[4], &[0]]);
        assert_eq!(order.cyclic, [false, true, true, false, true, false]);
        assert_eq!(order.nodes[0], 3);
        assert_eq!(order.nodes.len(), 6);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let mut graph = Graph::default();
        let n = 200_000;
        for i in 0..n {
            graph.begin();
            if i + 1 < n {
                graph.edge(i + 1);
            }
        }
        let order = graph.order();
        assert_eq!(order.nodes.first(), Some(&(n - 1)));
        assert_eq!(order.nodes.last(), Some(&0));
    }
}
