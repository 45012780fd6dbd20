"""What is computed: operators in a graph, their shapes and gradients, and matrices on crossbars."""
